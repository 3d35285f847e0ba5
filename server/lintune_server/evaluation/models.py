"""Which models of a run are compared: its base model, and the adapter on it or one of its GGUF files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintune_schemas import base_model
from lintune_schemas import runs as run_files
from lintune_schemas.errors import LintuneError
from lintune_server.sidecar.protocol import Adapted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lintune_schemas.base_model import BaseModel
    from lintune_server.sidecar.protocol import Source
    from lintune_server.training.records import Record

BASE, TUNED = "base", "tuned"
"""The ids that the sidecar knows them by."""
ADAPTER = "adapter"
_GGUF = re.compile(r"model-([\w.]+)\.gguf")


@dataclass(frozen=True, slots=True)
class Compared:
    base: Path
    tuned: Source
    name: str
    """Which of the run's models it is, as `--model` takes it."""

    @property
    def sources(self) -> dict[str, Source]:
        return {BASE: self.base, TUNED: self.tuned}

    @property
    def file(self) -> Path:
        """Of the tuned model."""
        return self.tuned.adapter if isinstance(self.tuned, Adapted) else self.tuned


def choose(record: Record, base: BaseModel, wanted: str | None) -> Compared:
    """wanted: one of `names`; None for the adapter, so that both models are the same but for what was learned, else the
    GGUF file that the run serves. Raises LintuneError when that, or the base model, is not there."""
    found = dict(_tuned(record))
    if not found:
        raise LintuneError(
            f"The run {record.name} has no model to ask: it holds neither adapter.gguf nor model-*.gguf. If its "
            f"training is over, write one with: lintune export {record.name}"
        )
    served = _quantization(record.model.name) if record.model else None
    name = wanted or next((one for one in (ADAPTER, served) if one in found), next(iter(found)))
    if name not in found:
        raise LintuneError(f"--model: {record.name} has no {name}. It has: {', '.join(found)}.")
    file = base_model.gguf_file(base)
    if file is None or not file.is_file():
        raise LintuneError(
            f"The base model {base.name} is not here as a GGUF file, which is what can be asked. Training writes it; "
            f"so does: lintune export {record.name}"
        )
    return Compared(file, found[name], name)


def _tuned(record: Record) -> Iterator[tuple[str, Source]]:
    """By name: the adapter, the GGUF files, the checkpoints, the last one first."""
    adapter = record.folder / run_files.ADAPTER_GGUF
    if adapter.is_file():
        yield ADAPTER, Adapted(BASE, adapter)
    for path in sorted(record.folder.glob("model-*.gguf")):
        if name := _quantization(path.name):
            yield name, path
    for step, path in run_files.checkpoint_adapters(record.folder).items():
        yield f"checkpoint:{step}", Adapted(BASE, path)


def _quantization(name: str) -> str:
    named = _GGUF.fullmatch(name)
    return named[1] if named else ""
