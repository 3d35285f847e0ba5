"""What a run left: its base model's and its adapter's file for llama.cpp, and its checkpoints."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lintune_schemas import base_model
from lintune_schemas.errors import LintuneError
from lintune_schemas.runs import ADAPTER_GGUF, CHECKPOINTS

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_schemas.recipe import Recipe

_CHECKPOINT = re.compile(r"checkpoint-(\d+)")


def base_of(recipe: Recipe, recipe_folder: Path) -> Path | None:
    """The base model as a GGUF file; None when there is none on this machine (yet)."""
    try:
        path = base_model.gguf_file(base_model.find(recipe.base_model, recipe_folder))
    except LintuneError:
        return None
    return path if path and path.is_file() else None


def adapter_of(run: Path) -> Path | None:
    """The adapter that a run left."""
    path = run / ADAPTER_GGUF
    return path if path.is_file() else None


def checkpoint_folders_of(run: Path) -> dict[int, Path]:
    """The checkpoints of a run by their steps, the newest first."""
    found: dict[int, Path] = {}
    for path in (run / CHECKPOINTS).glob("checkpoint-*"):
        if name := _CHECKPOINT.fullmatch(path.name):
            found[int(name[1])] = path
    return dict(sorted(found.items(), reverse=True))


def has_own_template(recipe: Recipe) -> bool:
    """Whether a recipe's chat template is the base model's, so that the base model's file has the one to ask with."""
    return recipe.chat_template in (None, "tokenizer_default")
