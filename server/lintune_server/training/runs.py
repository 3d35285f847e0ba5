"""What the run directories say: which run of a recipe finished last, and the model that it left."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lintune_schemas import events, runs
from lintune_schemas import recipe as recipes
from lintune_schemas.errors import LintuneError
from lintune_schemas.events import (
    Event,
    Progress,
    RunCancelled,
    RunFailed,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
)
from lintune_server.training import trainers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.recipe import Recipe


class RunState(StrEnum):
    """How a recorded run ended, if it did."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PAUSED = "paused"
    DEAD = "dead"
    """Its process is gone and left no last event: it was killed."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run directory, read."""

    folder: Path
    state: RunState
    recipe: Path | None
    fingerprint: str | None
    """As in its `dataset.lock.json`; None when the run ended before it was written."""
    last: Event | None
    pid: int | None = None
    """The process that carries it out, or did."""
    progress: Progress | None = None
    """The last one."""

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def can_be_resumed(self) -> bool:
        """Whether a trainer can go on with it."""
        return self.state not in (RunState.RUNNING, RunState.FINISHED)

    @property
    def place(self) -> str:
        """How far it came, as in “stopped …”."""
        if self.progress is None:
            return "before its first step"
        return f"after step {self.progress.step} of {self.progress.total_steps}"

    @property
    def locked_recipe(self) -> Recipe | None:
        """The recipe as the run resolved it; None when it cannot be read."""
        try:
            return recipes.load(self.folder / runs.RECIPE_LOCK)
        except LintuneError:
            return None

    @property
    def model(self) -> Path | None:
        """The GGUF file to serve; None when the run did not finish, exported none, or it was removed."""
        if not isinstance(self.last, RunFinished) or self.last.model is None:
            return None
        path = self.folder / self.last.model
        return path if path.is_file() else None


def read(folder: Path) -> Run:
    """Read a run directory. Never raises: what cannot be read is left out."""
    found = runs.read_events(folder)
    started = next((event for event in found if isinstance(event, RunStarted)), None)
    begun = next((event for event in reversed(found) if isinstance(event, RunStarted | RunResumed)), None)
    lock = runs.read_dataset_lock(folder)
    last = found[-1] if found else None
    recipe = started.recipe if started else lock and lock.recipe
    return Run(
        folder,
        state_of(last, begun.pid if begun else None, folder),
        Path(recipe) if recipe else None,
        lock.fingerprint if lock else None,
        last,
        begun.pid if begun else None,
        next((event for event in reversed(found) if isinstance(event, Progress)), None),
    )


def of_recipe(recipe: Path) -> Iterator[Run]:
    """The runs of a recipe, newest first, each read when it is asked for."""
    recipe = recipe.resolve()
    for folder in runs.run_directories(recipe.parent):
        run = read(folder)
        if run.recipe and (recipe.parent / run.recipe).resolve() == recipe:
            yield run


def last_finished(recipe: Path) -> Run | None:
    """The newest run of a recipe that finished."""
    return next((run for run in of_recipe(recipe) if run.state is RunState.FINISHED), None)


def newest(recipe: Path) -> Run | None:
    """The run of a recipe that began last."""
    return next(of_recipe(recipe), None)


def at_work(recipe_folder: Path) -> Run | None:
    """The run of the trainer that is at work in a recipe's folder, as far as it has begun one."""
    if not trainers.is_at_work(recipe_folder):
        return None
    found = (read(folder) for folder in runs.run_directories(recipe_folder) if not _has_ended(folder))
    return next((run for run in found if run.state is RunState.RUNNING), None)


def _has_ended(folder: Path) -> bool:
    """Whether a run's record ends with a last event: all of it need not be read to know."""
    try:
        with (folder / runs.EVENTS).open("rb") as file:
            file.seek(-min(file.seek(0, os.SEEK_END), _TAIL), os.SEEK_END)
            *_, line, _ = [b"", *file.read().split(b"\n")]
        return isinstance(events.decode(line), events.LAST_EVENTS)
    except (OSError, msgspec.DecodeError):
        return False


_TAIL = 1 << 16
"""Bytes: more than a last event has."""


def state_of(last: Event | None, pid: int | None, folder: Path) -> RunState:
    """How a run is: by the last event of its record, the process that it named, and its directory."""
    match last:
        case RunFinished():
            return RunState.FINISHED
        case RunFailed():
            return RunState.FAILED
        case RunCancelled():
            return RunState.CANCELLED
        case RunPaused():
            return RunState.PAUSED
    recipe_folder = folder / ".." / ".." / ".."  # `runs.runs_folder` is two below it
    if pid is None:  # it has yet to say which process it is: then it is the one that began last
        last_begun = next(runs.run_directories(recipe_folder), None)
        alive = last_begun is not None and last_begun.name == folder.name and trainers.is_at_work(recipe_folder)
    else:
        alive = trainers.is_trainer(pid) and trainers.is_at_work(recipe_folder)
    return RunState.RUNNING if alive else RunState.DEAD
