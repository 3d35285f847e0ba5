"""Following a trainer that another program started: another editor, a terminal, a server that was killed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lintune_schemas import runs as run_files
from lintune_server.training import runs, trainers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lintune_server.training.runs import Run

_LOOK_EVERY = 1.0
"""Seconds between two looks."""
_COURTESY = 1.0
"""Seconds after the end of a training, in which the program that began it may begin the next: for a save that it has
seen, and we have, too."""


async def follow(recipe: Path, seen: Callable[[Run | None], None]) -> set[str | None]:
    """Wait until no trainer is at work in a recipe's folder, and none begins in the next moment.

    Returns the fingerprints of what was trained there meanwhile.
    seen: told again and again what the trainer reports; None while it has not begun a run.
    """
    before = await asyncio.to_thread(_names, recipe.parent)
    trained: set[str | None] = set()
    while await _goes_on(recipe.parent):
        run = await asyncio.to_thread(runs.at_work, recipe.parent)
        if run:
            trained.add(run.fingerprint)
        seen(run)
        await asyncio.sleep(_LOOK_EVERY)
    since = await asyncio.to_thread(lambda: [run for run in runs.of_recipe(recipe) if run.name not in before])
    return trained.union(run.fingerprint for run in since)


async def _goes_on(recipe_folder: Path) -> bool:
    if await asyncio.to_thread(trainers.is_at_work, recipe_folder):
        return True
    await asyncio.sleep(_COURTESY)
    return await asyncio.to_thread(trainers.is_at_work, recipe_folder)


def _names(recipe_folder: Path) -> set[str]:
    return {folder.name for folder in run_files.run_directories(recipe_folder)}
