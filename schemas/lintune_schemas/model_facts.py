"""What is known of a base model without loading it: its sizes, context and modules, without a network."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from lintune_schemas import base_model, model_config, model_heads
from lintune_schemas.base_model import ModelKind
from lintune_schemas.errors import LintuneError
from lintune_schemas.model_config import ModelFacts

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_schemas.base_model import BaseModel

__all__ = ["ModelFacts", "facts_of"]

_LOOKED_AT = ("*.json", "*.safetensors", "*.bin", "*.pt", "*.pth", "*.jinja")
"""Files of a model folder that decide what is known of it."""


def facts_of(name: str, recipe_folder: Path) -> ModelFacts | None:
    """What is known of the `base_model` of a recipe in `recipe_folder`; None for a model that is not on this machine
    and no starter model, or whose files cannot be understood. Never raises, and reads no weights."""
    try:
        found = base_model.find(name, recipe_folder)
    except LintuneError:
        return _starter_facts(name)
    return facts_of_model(found)


def facts_of_model(found: BaseModel) -> ModelFacts | None:
    """The same of a model that was found."""
    try:
        if found.kind is ModelKind.GGUF and found.path is not None:
            status = found.path.stat()
            return _of_gguf(found.path, (status.st_mtime_ns, status.st_size))
        if found.path is not None:
            return _of_folder(found.path, _stamp(found.path))
    except OSError:
        return None
    return _starter_facts(found.name)


def _starter_facts(name: str) -> ModelFacts | None:
    from lintune_schemas import starter_models  # a list to parse, which most models need not wait for

    starter = starter_models.by_name(name)
    return starter.facts if starter else None


def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """What changes when the files of a model do."""
    files = sorted({file for pattern in _LOOKED_AT for file in folder.glob(pattern)})
    return tuple((file.name, status.st_mtime_ns, status.st_size) for file in files for status in [file.stat()])


@lru_cache(maxsize=16)
def _of_folder(folder: Path, stamp: tuple[tuple[str, int, int], ...]) -> ModelFacts | None:  # noqa: ARG001
    config = model_heads.read_json(folder / "config.json")
    return model_config.of_config(config, model_heads.of_folder(folder)) if config else None


@lru_cache(maxsize=16)
def _of_gguf(path: Path, stamp: tuple[int, int]) -> ModelFacts | None:  # noqa: ARG001
    try:
        fields, heads = model_heads.of_gguf(path)
    except ValueError:
        return None
    return model_config.of_gguf(fields, heads)
