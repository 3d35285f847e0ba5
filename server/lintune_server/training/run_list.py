"""The runs of recipes' folders, for lists that are looked at again and again.

A run whose files are as they were is not read again, and of one that is read, the steps are skipped but for those that
matter for a list: with 200 runs of 10,000 steps that is what makes the difference.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeGuard

import msgspec

from lintune_schemas import evaluation_report, events, history, verification
from lintune_schemas import runs as run_files
from lintune_schemas.errors import LintuneError
from lintune_schemas.events import RunFinished, RunResumed, RunStarted, StageChanged, StageState
from lintune_schemas.verification import REJECTED
from lintune_server.training import run_models, runs
from lintune_server.training.records import Record, size_of

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_schemas.evaluation_report import Report
    from lintune_schemas.events import Event, Stage

_Stamp = tuple[tuple[int, int, int] | None, ...]
"""Of some files of a run: what tells one state of them from another without reading."""
_PROGRESS = b'{"event":"progress",'
"""How the line of a step begins, as msgspec writes it. A line that is written in another way is only read in vain."""
_EXPORTS = "model-*.gguf"


@dataclass(frozen=True, slots=True)
class Export:
    """A GGUF file of a run."""

    path: Path
    quantization: str
    bytes: int
    proven: bool | None
    """Whether it is proven to equal the trained model; None where that was not looked at."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One that is there."""

    path: Path
    step: int
    eval_loss: float | None
    best: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """A run as a list shows it."""

    record: Record
    """Without most of its steps: for a curve, read the record whole."""
    bytes: int
    """Of all its files."""
    stage: Stage | None
    """The part of the run that began last."""
    exports: tuple[Export, ...]
    checkpoints: tuple[Checkpoint, ...]
    """The newest first."""
    evaluation: Report | None
    """What `lintune eval` found."""
    can_export: bool
    """Whether there is an adapter to write files from."""
    can_verify: bool
    """Whether there are files to compare, and what they are compared with."""
    can_resume: bool


class RunList:
    """Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[Path, tuple[_Stamp, _Read]] = {}

    def of(self, recipe_folder: Path) -> list[Listed]:
        """The runs beside a recipe, newest first. Never raises: what cannot be read is left out."""
        with self._lock:
            found = list(run_files.run_directories(recipe_folder))
            here = run_files.runs_folder(recipe_folder)
            for gone in [one for one in self._known if one.parent == here and one not in found]:
                del self._known[gone]
            return [self._look(folder) for folder in found]

    def one(self, folder: Path) -> Listed:
        """A single run directory."""
        with self._lock:
            return self._look(folder)

    def _look(self, folder: Path) -> Listed:
        stamp = _stamp_of(folder)
        known = self._known.get(folder)
        if known is None or known[0] != stamp:
            known = self._known[folder] = stamp, _read(folder)
        return known[1].listed(folder)


def state_of(recipe_folder: Path) -> object:
    """What the runs beside a recipe are by now: another value when one was added, changed, or has gone."""
    return tuple((folder.name, _stamp_of(folder)) for folder in run_files.run_directories(recipe_folder))


@dataclass(frozen=True, slots=True)
class _Read:
    """What is read of a run's files; its state depends on more than those."""

    found: history.History
    pid: int | None
    lock: run_files.DatasetLock | None
    damage: str | None
    bytes: int
    stage: Stage | None
    exports: tuple[Export, ...]
    checkpoints: tuple[Checkpoint, ...]
    evaluation: Report | None
    has_adapter: bool
    is_complete: bool

    def listed(self, folder: Path) -> Listed:
        last = self.found.last
        state = runs.state_of(last, self.pid, folder)
        over = state is not runs.RunState.RUNNING
        model = folder / last.model if isinstance(last, RunFinished) and last.model else None
        return Listed(
            Record(folder, state, self.found, self.lock, model, self.damage),
            self.bytes,
            self.stage,
            self.exports,
            self.checkpoints,
            self.evaluation,
            can_export=over and self.has_adapter,
            can_verify=over and self.is_complete,
            can_resume=over and state is not runs.RunState.FINISHED,
        )


def _read(folder: Path) -> _Read:
    found, damage = _outline(folder / run_files.EVENTS)
    told = history.of(found)
    begun = next((event for event in reversed(found) if isinstance(event, RunStarted | RunResumed)), None)
    exports = _exports(folder)
    return _Read(
        told,
        begun.pid if begun else None,
        run_files.read_dataset_lock(folder),
        damage,
        size_of(folder),
        next((event.stage for event in reversed(found) if _begins(event)), None),
        exports,
        _checkpoints(folder, told),
        evaluation_report.read(folder),
        (folder / "adapter").is_dir(),
        (folder / "merged").is_dir() and any(one.quantization == "f16" for one in exports),
    )


def _outline(path: Path) -> tuple[list[Event], str | None]:
    """The events of a record, but of steps that follow one another only the last; and a sentence when it is damaged."""
    try:
        lines = path.read_bytes().split(b"\n")[:-1]  # the last one may be cut short
    except OSError as error:
        return [], f"{path.name} could not be read: {error.strerror or error}."
    step = [line.startswith(_PROGRESS) for line in lines]
    following = [*step[1:], False]
    found: list[Event] = []
    damaged = 0
    for line, skipped in zip(lines, [one and two for one, two in zip(step, following, strict=True)], strict=True):
        if skipped or not line:
            continue
        try:
            found.append(events.decode(line))
        except msgspec.DecodeError:
            damaged += 1
    return found, f"{damaged:,} lines of {path.name} are damaged, or of a newer Lintune." if damaged else None


def _begins(event: Event) -> TypeGuard[StageChanged]:
    return isinstance(event, StageChanged) and event.state is StageState.STARTED


def _exports(folder: Path) -> tuple[Export, ...]:
    proven: dict[str, bool] = {}
    with contextlib.suppress(OSError, msgspec.DecodeError):
        proven = {file.name: file.ok for file in verification.read(folder / verification.FILE).files}
    found = []
    for path in (*folder.glob(_EXPORTS), *folder.glob(_EXPORTS + REJECTED)):
        name = path.name.removesuffix(REJECTED)
        try:
            size = path.stat().st_size
        except OSError:
            continue
        quantization = name.removeprefix("model-").removesuffix(".gguf")
        ok = False if path.name.endswith(REJECTED) else proven.get(path.name)
        found.append(Export(path, quantization, size, ok))
    return tuple(sorted(found, key=lambda one: (one.proven is False, one.bytes)))


def _checkpoints(folder: Path, told: history.History) -> tuple[Checkpoint, ...]:
    losses = {made.step: made.eval_loss for made in told.evaluations if made.kind is events.EvaluationKind.CHECKPOINT}
    there = run_models.checkpoint_folders_of(folder)
    best = min((step for step in there if step in losses), key=lambda step: losses[step], default=None)
    return tuple(Checkpoint(path, step, losses.get(step), step == best) for step, path in there.items())


def _stamp_of(folder: Path) -> _Stamp:
    """Other files are replaced as a whole, never written in place, which the folder's own time tells."""
    return tuple(_stat(path) for path in (folder, folder / run_files.EVENTS, folder / run_files.CHECKPOINTS))


def _stat(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def require_known(folder: Path, recipe_folders: list[Path]) -> None:
    """Raise LintuneError unless it is the directory of a run beside one of these recipes."""
    if folder.name == ".." or not any(folder.parent == run_files.runs_folder(known) for known in recipe_folders):
        raise LintuneError(f"{folder} is no run of a recipe in this workspace.")
    if not (folder / run_files.EVENTS).is_file():
        raise LintuneError(f"The run {folder.name} is not there any more.")
