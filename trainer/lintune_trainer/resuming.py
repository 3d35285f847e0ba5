"""Going on with a run that was paused, stopped or killed: which one, and from where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas import recipe as recipes
from lintune_schemas import runs
from lintune_schemas.errors import LintuneError
from lintune_schemas.events import RunFinished
from lintune_trainer import run as run_directories

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lintune_schemas.recipe import Recipe
    from lintune_schemas.runs import DatasetLock
    from lintune_trainer.run import Run

LATEST = "latest"


def find(recipe_path: Path, wanted: str) -> Path:
    """The directory of the recipe's run with that name, or of its newest run. Raises LintuneError for one that ended.

    recipe_path: absolute.
    """
    of_recipe = [run for run in runs.run_directories(recipe_path.parent) if _recipe_of(run) == recipe_path.name]
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


def reopen(folder: Path, echo: Callable[[bytes], None]) -> tuple[Run, Recipe, DatasetLock]:
    """The run, its recipe as it resolved it, and the data that it trains on. Raises LintuneError, OSError."""
    recipe = recipes.load(folder / runs.RECIPE_LOCK)
    lock = runs.read_dataset_lock(folder)
    if lock is None:
        raise LintuneError(f"{folder} cannot be resumed: its {runs.DATASET_LOCK} is broken. Train without --resume.")
    return run_directories.reopen(folder, echo), recipe, lock


def _recipe_of(run: Path) -> str | None:
    lock = runs.read_dataset_lock(run)
    return lock.recipe if lock else None
