"""How one model's tokenizer differs from another's, by their files."""

from __future__ import annotations

import filecmp
from typing import TYPE_CHECKING, Any

from lintune_schemas import base_model, model_files, model_heads
from lintune_schemas.errors import LintuneError
from lintune_server.lint.words import listed

if TYPE_CHECKING:
    from pathlib import Path

_PARTS = ("normalizer", "pre_tokenizer")
"""Of a `tokenizer.json`, beyond its vocabulary: what decides how a text is cut into tokens."""


def between(own: str, other: str, folder: Path) -> str | None:
    """How another model's tokenizer differs from the base model's; None when it does not, or cannot be seen."""
    try:
        files = [
            model_files.tokenizer_folder(base_model.find(name, folder)) / "tokenizer.json" for name in (own, other)
        ]
        if filecmp.cmp(files[0], files[1], shallow=False):
            return None
    except (LintuneError, OSError):
        return None
    ours, theirs = (model_heads.read_json(file) for file in files)
    ids, others = _ids(ours), _ids(theirs)
    if not ids or not others:
        return None
    moved = [token for token, id_ in ids.items() if others.get(token) != id_]
    if moved:
        token = min(moved, key=lambda token: (token not in others, ids[token]))
        there = others.get(token)
        example = f"“{token}” is {ids[token]:,} to the model, and {'nothing' if there is None else f'{there:,}'} there"
        return f"{other} gives other ids to {len(moved):,} of the base model's {len(ids):,} tokens: {example}."
    new = [token for token in others if token not in ids]
    if new:
        token = min(new, key=others.__getitem__)
        what = f"{len(new):,} tokens that the base model has no ids for, such as “{token}” ({others[token]:,})"
        return f"{other} has {what}."
    parts = [part for part in _PARTS if ours.get(part) != theirs.get(part)]
    parts += ["merges"] if ours["model"].get("merges") != theirs["model"].get("merges") else []
    if parts:
        differ = f"{listed(parts)} {'differ' if len(parts) > 1 else 'differs'}"
        return f"{other} has the base model's tokens, but cuts texts into others of them: its {differ}."
    return None


def _ids(tokenizer: dict[str, Any]) -> dict[str, int]:
    """Every token's id, as in a `tokenizer.json`."""
    model, added = tokenizer.get("model"), tokenizer.get("added_tokens")
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    if isinstance(vocabulary, list):  # Unigram: pairs of a token and its score
        vocabulary = {pair[0]: index for index, pair in enumerate(vocabulary) if isinstance(pair, list) and pair}
    if not isinstance(vocabulary, dict):
        return {}
    return {**vocabulary, **{one["content"]: one["id"] for one in added or () if isinstance(one, dict)}}
