"""Going on with a run that was paused, stopped or killed: which one, and from where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lintune_schemas import recipe as recipes
from lintune_schemas import runs
from lintune_schemas.errors import LintuneError
from lintune_schemas.events import RunFinished
from lintune_trainer import run as run_directories

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lintune_schemas.recipe import Recipe
    from lintune_schemas.runs import DatasetLock
    from lintune_trainer.run import Run

LATEST = "latest"

_EASES = (
    "micro_batch_size",
    "gradient_accumulation_steps",
    "gradient_checkpointing",
    "eval_batch_size",
    "save_total_limit",
)
"""What may change on the way: the same steps are made with less memory, or less is kept."""


def find(recipe_path: Path, wanted: str) -> Path:
    """The directory of the recipe's run with that name, or of its newest run. Raises LintuneError for one that ended.

    recipe_path: absolute.
    """
    of_recipe = list(directories(recipe_path))
    if not of_recipe:
        raise LintuneError(f"There is no run of {recipe_path.name} to resume. Train without --resume.")
    names = [wanted] if wanted != LATEST else [of_recipe[0].name]
    folder = next((run for run in of_recipe if run.name in names), None)
    if folder is None:
        raise LintuneError(
            f"{recipe_path.name} has no run {wanted}; its newest is {of_recipe[0].name}. List them with: lintune runs"
        )
    if any(isinstance(event, RunFinished) for event in runs.read_events(folder)):
        raise LintuneError(f"The run {folder.name} is finished: there is nothing to resume. Train without --resume.")
    return folder


def reopen(folder: Path, assignments: Sequence[str], echo: Callable[[bytes], None]) -> tuple[Run, Recipe, DatasetLock]:
    """The run, its recipe as it resolved it, and the data that it trains on.

    assignments: `key=value` of what may be another way from here on: how much memory and disk it takes. Raises
    LintuneError, OSError.
    """
    path = folder / runs.RECIPE_LOCK
    recipe = recipes.load(path)
    lock = runs.read_dataset_lock(folder)
    if lock is None:
        raise LintuneError(f"{folder} cannot be resumed: its {runs.DATASET_LOCK} is broken. Train without --resume.")
    if assignments:
        recipe = _eased(recipe, recipes.load(path, assignments))
        run_directories.write_recipe(folder, recipe)
    return run_directories.reopen(folder, echo), recipe, lock


def _eased(recipe: Recipe, changed: Recipe) -> Recipe:
    """The changed recipe, when it trains the same. Raises LintuneError."""
    section = msgspec.structs.replace(changed.lintune, checkpoints_gb=recipe.lintune.checkpoints_gb)
    undone = msgspec.structs.replace(changed, lintune=section, **{key: getattr(recipe, key) for key in _EASES})
    if undone != recipe:
        raise LintuneError(
            f"A run that goes on can only change {', '.join(_EASES)} and lintune.checkpoints_gb. "
            "Train without --resume."
        )
    before, after = (one.micro_batch_size * one.gradient_accumulation_steps for one in (recipe, changed))
    if before != after:
        raise LintuneError(
            f"A run that goes on keeps its batch of {before} samples: micro_batch_size times "
            f"gradient_accumulation_steps would be {after}."
        )
    return changed


def directories(recipe_path: Path) -> Iterator[Path]:
    """The runs of a recipe, newest first, by the name that each has written down."""
    for run in runs.run_directories(recipe_path.parent):
        lock = runs.read_dataset_lock(run)
        if lock and lock.recipe == recipe_path.name:
            yield run
