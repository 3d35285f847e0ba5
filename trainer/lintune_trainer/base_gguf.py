"""The base model as one GGUF file in the cache: what adapters are put on to be tried while a training goes on."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from filelock import FileLock

from lintune_schemas import base_model
from lintune_schemas.base_model import ModelKind
from lintune_trainer import models
from lintune_trainer.gguf_files import Origin, convert
from lintune_trainer.run import remove_left_overs

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_schemas.base_model import BaseModel

_KEPT = 30 * 24 * 3600
"""Seconds."""


def require(base: BaseModel, weights: Path) -> Path:
    """The file that `base_model.gguf_file` names, written when it is not there.

    8 bits a weight: half as large as the weights are, and next to nothing is lost. weights: the base model's folder.
    Raises LintuneError for a model that llama.cpp's converter does not know, OSError.
    """
    gguf = base_model.gguf_file(base)
    assert gguf is not None, "its weights are on this machine"
    if base.kind is ModelKind.GGUF:
        return gguf
    gguf.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(gguf.parent / ".lock"):  # two first runs at once write once
        if not gguf.is_file():
            remove_left_overs(gguf.parent)
            convert(weights, gguf, "q8_0", Origin(base.name, licence=models.licence(weights)))
        os.utime(gguf)
        _forget_unused(gguf.parent)
    return gguf


def _forget_unused(folder: Path) -> None:
    """Delete what no training has asked for since long: a model that changed has another name, and its file stays."""
    for file in folder.glob("*.gguf"):
        if file.stat().st_mtime < time.time() - _KEPT:
            file.unlink()
