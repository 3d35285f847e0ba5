"""A run directory while its run goes on: its event log, its artefacts and how it ends."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
import traceback
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import yaml

from lintune_schemas import atomic, events, history, runs
from lintune_schemas import recipe as recipes
from lintune_schemas.events import ArtefactKind, Stage, StageState
from lintune_trainer import checkpoints, failures, process
from lintune_trainer.process import Cancelled, Paused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lintune_schemas.history import History
    from lintune_schemas.recipe import Recipe
    from lintune_schemas.runs import DatasetLock

_SECOND = timedelta(seconds=1)

LOG = "trainer.log"
"""What libraries printed, and tracebacks."""


class RunFailedError(Exception):
    """The run ended with `run_failed`; its text is that event's message."""


class Run:
    """Writes the events of a run directory. Paths in events are relative to it, so that it can be moved.

    echo: gets every event's line too (without the line end). record: False for `export` and `verify`, which
    work on a run that is over: its record ends with its last event. past: the events of a run that goes on.
    """

    def __init__(
        self,
        folder: Path,
        echo: Callable[[bytes], None],
        *,
        record: bool = True,
        past: Sequence[events.Event] = (),
    ) -> None:
        self.folder = folder
        self.step = 0
        self._reported = past
        self.past: History = history.of(past)
        """What earlier parts of the run came to, as far as it still counts."""
        self._warned: set[str] = set()
        self._echo = echo
        self._file: int | None = None
        if record:
            self._file = os.open(folder / runs.EVENTS, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    @property
    def name(self) -> str:
        return self.folder.name

    def emit(self, event: events.Event) -> None:
        """Append an event to events.jsonl, whole or not at all, and pass it on. Raises OSError, Cancelled."""
        process.raise_if_stopped()
        if isinstance(event, events.Progress):
            self.step = event.step
        line = events.encode(event)
        with process.signals_held():
            self._append(line)
            self._echo(line)

    def warn(self, message: str) -> None:
        self.emit(events.Warned(run=self.name, message=message))

    def warn_once(self, message: str) -> None:
        """Of what comes up again and again, such as with every checkpoint."""
        if message not in self._warned and all(message != past.message for past in self.past.warnings):
            self._warned.add(message)
            self.warn(message)

    def go_on(self, step: int) -> None:
        """Say that a run goes on after an optimizer step; what it reported of later ones does not count any more."""
        self.step = step
        resumed = events.RunResumed(run=self.name, pid=os.getpid(), step=step)
        self._reported = [*self._reported, resumed]
        self.past = history.of(self._reported)
        self.emit(resumed)

    def artefact(self, kind: ArtefactKind, path: Path, quantization: str | None = None) -> None:
        """Say that a file or folder in the run directory is whole."""
        files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
        size = sum(file.stat().st_size for file in files)
        self.emit(
            events.ArtefactWritten(
                run=self.name, kind=kind, path=self.relative(path), bytes=size, quantization=quantization
            )
        )

    def saved(self, checkpoint: Path) -> None:
        """Say that a checkpoint is whole, and whether it is the best so far."""
        best = checkpoints.best(checkpoint.parent) == checkpoint
        step, path = checkpoints.step_of(checkpoint), self.relative(checkpoint)
        self.emit(events.CheckpointSaved(run=self.name, step=step, path=path, best=best))

    def relative(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """Say when a part of the run begins, and when it ended well how long it took. Raises Paused, Cancelled."""
        process.raise_if_paused()
        self.emit(events.StageChanged(run=self.name, stage=stage, state=StageState.STARTED))
        start = time.perf_counter()
        yield
        seconds = round(time.perf_counter() - start, 3)
        self.emit(events.StageChanged(run=self.name, stage=stage, state=StageState.FINISHED, seconds=seconds))

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Whatever ends the block early becomes the run's last event.

        Raises Cancelled after `run_cancelled`, Paused after `run_paused`, RunFailedError after `run_failed`.
        """
        try:
            yield
        except Paused:
            self._end(events.RunPaused(run=self.name, step=self.step))
            raise
        except Cancelled:
            self._end(events.RunCancelled(run=self.name, step=self.step))
            raise
        except Exception as error:
            process.ignore_signals()
            traceback.print_exc()
            message = failures.explain(error, self.folder / LOG)
            self._end(events.RunFailed(run=self.name, message=message, samples=failures.places(error)))
            raise RunFailedError(message) from error

    def finish(self, event: events.RunFinished) -> None:
        """The last event of a run that went well."""
        process.raise_if_stopped()
        self._end(event)

    def _end(self, event: events.Event) -> None:
        process.ignore_signals()
        line = events.encode(event)
        try:
            self._append(line)
            if self._file is not None:
                os.fsync(self._file)
        except OSError:  # on a full disk the reader of standard output still learns why the run ended
            traceback.print_exc()
        self._echo(line)

    def _append(self, line: bytes) -> None:
        if self._file is None:
            return
        size = os.fstat(self._file).st_size
        try:
            data = line + b"\n"
            while data:
                data = data[os.write(self._file, data) :]
        except OSError:
            os.ftruncate(self._file, size)
            raise


def create(recipe: Recipe, recipe_folder: Path, lock: DatasetLock, echo: Callable[[bytes], None]) -> Run:
    """A new run directory with its two lock files, whole from the first moment. Raises OSError."""
    folder = runs.runs_folder(recipe_folder) / f"{_next_time(recipe_folder)}-{lock.fingerprint[:8]}"
    with atomic.new_folder(folder) as partial:
        write_recipe(partial, recipe)
        runs.write_dataset_lock(partial, lock)
        (partial / runs.EVENTS).touch()
    return Run(folder, echo)


def write_recipe(folder: Path, recipe: Recipe) -> None:
    """`recipe.lock.yaml`: every value resolved. Raises OSError."""
    text = yaml.safe_dump(recipes.to_mapping(recipe), sort_keys=False, allow_unicode=True)
    atomic.write_text(folder / runs.RECIPE_LOCK, text)


def reopen(folder: Path, echo: Callable[[bytes], None]) -> Run:
    """The directory of a run that goes on; what a killed process left of a last line is cut off. Raises OSError."""
    path = folder / runs.EVENTS
    with path.open("rb+") as file:
        file.truncate(file.read().rfind(b"\n") + 1)
    return Run(folder, echo, past=runs.read_events(folder))


def _next_time(recipe_folder: Path) -> str:
    """Now, in UTC, for the name of a run; after all others, although the clock may have been set back."""
    form = "%Y%m%dT%H%M%SZ"
    now = datetime.now(UTC)
    for newest in runs.run_directories(recipe_folder):
        with contextlib.suppress(ValueError):
            return max(now, datetime.strptime(newest.name[:16], form).replace(tzinfo=UTC) + _SECOND).strftime(form)
    return now.strftime(form)


def remove_left_overs(folder: Path) -> None:
    """Delete what killed processes left half-written below `folder`; only while nobody else writes there."""
    for partial in list(folder.rglob(f"{atomic.PARTIAL_PREFIX}*")):
        if partial.is_dir() and not partial.is_symlink():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink(missing_ok=True)
