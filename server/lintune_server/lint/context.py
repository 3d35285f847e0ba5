"""What a data set is judged by: its recipe, and the base model's tokenizer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from lintune_schemas import base_model, model_files
from lintune_schemas import recipe as recipes
from lintune_schemas.base_model import ModelKind
from lintune_schemas.errors import LintuneError

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_schemas.chat import ChatTokenizer
    from lintune_schemas.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Context:
    """All but the first may be missing: what needs them is then not checked, and `problem` says why."""

    recipe_path: Path | None = None
    recipe: Recipe | None = None
    tokenizer: ChatTokenizer | None = None
    problem: str | None = None
    tokenizer_files: str = ""
    """Which files the tokenizer was read from: their folder, and when they changed last."""


def context_for(dataset: Path, recipe: Path | None = None) -> Context:
    """The context of a data set: that of `recipe`, or of the recipe that it belongs to. Never raises."""
    path = recipe or recipes.find_for(dataset)
    if path is None:
        return Context(problem="There is no recipe for this data set, so its tokens are not known.")
    try:
        values = recipes.parse(path)
    except LintuneError as error:
        return Context(path, problem=str(error))
    read = recipes.lenient(values)
    if read is None:
        return Context(path, problem=f"{path.name} names no base_model, so the tokens are not known.")
    try:
        return of_recipe(path, read)
    except LintuneError as error:
        return Context(path, read, problem=str(error))


def tokenizer_of(
    name: str, recipe_folder: Path, template: str | None = None, jinja: str | None = None
) -> ChatTokenizer:
    """The tokenizer of a model, with its own chat template or that of a recipe. Raises LintuneError."""
    folder, modified = _tokenizer_files(name, recipe_folder)
    return _load(folder, modified, template, jinja)


def of_recipe(path: Path, recipe: Recipe) -> Context:
    """The context of a recipe as it is or will be at a path. Raises LintuneError when its tokens are not known."""
    folder, modified = _tokenizer_files(recipe.base_model, path.parent)
    tokenizer = _load(folder, modified, recipe.chat_template, recipe.chat_template_jinja)
    return Context(path, recipe, tokenizer, tokenizer_files=f"{folder}:{modified}")


def _tokenizer_files(name: str, recipe_folder: Path) -> tuple[Path, int]:
    """The folder with the tokenizer of a model, and when its files changed last. Raises LintuneError."""
    model = base_model.find(name, recipe_folder)
    if model.kind is ModelKind.HUB and not (model.path and (model.path / "tokenizer.json").is_file()):
        raise LintuneError(
            f"The base model {model.name} is not on this machine yet: its tokens are not known. Training downloads it."
        )
    folder = model_files.tokenizer_folder(model)
    return folder, max((file.stat().st_mtime_ns for file in folder.glob("*.json*")), default=0)


@lru_cache(maxsize=8)
def _load(folder: Path, modified: int, template: str | None, jinja: str | None) -> ChatTokenizer:  # noqa: ARG001
    """Loaded once until its files change: a large vocabulary takes a tenth of a second to read."""
    return model_files.load_tokenizer_folder(folder, template, jinja)
