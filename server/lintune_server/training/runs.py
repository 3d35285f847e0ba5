"""What the run directories say: which run of a recipe finished last, and the model that it left."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from lintune_schemas import recipe as recipes
from lintune_schemas import runs
from lintune_schemas.errors import LintuneError
from lintune_schemas.events import Event, RunCancelled, RunFailed, RunFinished, RunStarted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.recipe import Recipe


class RunState(StrEnum):
    """How a recorded run ended, if it did."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
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

    @property
    def name(self) -> str:
        return self.folder.name

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
    lock = runs.read_dataset_lock(folder)
    last = found[-1] if found else None
    return Run(
        folder,
        _state(last, started),
        Path(started.recipe) if started else None,
        lock.fingerprint if lock else None,
        last,
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


def _state(last: Event | None, started: RunStarted | None) -> RunState:
    match last:
        case RunFinished():
            return RunState.FINISHED
        case RunFailed():
            return RunState.FAILED
        case RunCancelled():
            return RunState.CANCELLED
    return RunState.RUNNING if started and _alive(started.pid) else RunState.DEAD


def _alive(pid: int) -> bool:
    if sys.platform == "win32":
        import ctypes

        # PROCESS_QUERY_LIMITED_INFORMATION. os.kill(pid, 0) would send Ctrl-C on Windows.
        handle = ctypes.windll.kernel32.OpenProcess(0x1000, False, pid)
        if handle:
            ctypes.windll.kernel32.CloseHandle(handle)
        return bool(handle)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
