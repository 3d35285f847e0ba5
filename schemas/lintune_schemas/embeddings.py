"""Rows of a model's input embedding, read one by one: what a model knows of single tokens, without loading it."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any

from lintune_schemas import model_heads

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_ENDS = ("embed_tokens.weight", "embed_in.weight", "wte.weight", "word_embeddings.weight")
"""What the embedding of input tokens is called."""
_CODES = {"F32": ("f", 4), "F16": ("e", 2), "BF16": ("H", 2)}
_SAMPLED = 64
_UNTRAINED = 0.01
"""Rows this much shorter than usual were never trained: those of Llama 3's base models are zero but for noise (see
meta-pytorch/torchtune#2429), while no token that was seen is near that."""


def untrained(folder: Path, ids: Iterable[int]) -> set[int]:
    """Those of the tokens whose rows were never trained; none where that cannot be seen."""
    try:
        place = _place(folder)
        if place is None:
            return set()
        file, entry, start = place
        rows, width = entry["shape"]
        usual = sorted(_lengths(file, entry, start, range(0, rows, max(rows // _SAMPLED, 1))).values())
        asked = _lengths(file, entry, start, (one for one in ids if 0 <= one < rows))
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return set()
    return {id_ for id_, length in asked.items() if length < _UNTRAINED * usual[len(usual) // 2]} if width else set()


def _place(folder: Path) -> tuple[Path, dict[str, Any], int] | None:
    """The file with the embedding, its entry there, and where its data begin."""
    for file in model_heads.safetensors_of(folder):
        entries, data = model_heads.read_safetensors(file)
        for name, entry in entries.items():
            if name.endswith(_ENDS) and len(entry["shape"]) == 2 and entry["dtype"] in _CODES:
                return file, entry, data + entry["data_offsets"][0]
    return None


def _lengths(file: Path, entry: dict[str, Any], start: int, ids: Iterable[int]) -> dict[int, float]:
    """Euclidean lengths of rows."""
    code, size = _CODES[entry["dtype"]]
    width = entry["shape"][1]
    found = {}
    with file.open("rb") as opened:
        for id_ in ids:
            opened.seek(start + id_ * width * size)
            row = opened.read(width * size)
            if code == "H":  # bf16 is the upper half of a 32-bit number
                row = b"".join(b"\0\0" + row[at : at + 2] for at in range(0, len(row), 2))
            values = struct.unpack(f"<{width}{'f' if code == 'H' else code}", row)
            found[id_] = math.hypot(*values)
    return found
