"""What a run left on disk, read for people: its history, its data, its size; and which run a word means."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lintune_schemas import events, history, loss_curve
from lintune_schemas import runs as run_files
from lintune_schemas.errors import LintuneError
from lintune_schemas.events import RunFailed
from lintune_schemas.recipe import real_path
from lintune_server.training import runs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from lintune_schemas.events import Event
    from lintune_schemas.history import History
    from lintune_schemas.loss_curve import LossCurve
    from lintune_schemas.runs import DatasetLock
    from lintune_server.training.runs import RunState

_LATEST = re.compile(r"latest(?:~(\d{1,6}))?")
_NAMED = 3
"""How many runs a message names."""


@dataclass(frozen=True)
class Record:
    """A run directory, read whole."""

    folder: Path
    state: RunState
    history: History
    lock: DatasetLock | None
    """None when it cannot be read."""
    model: Path | None
    """The GGUF file to serve, if it is there."""
    damage: str | None
    """A sentence that says from where on its events cannot be read."""

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def recipe_folder(self) -> Path:
        return self.folder.parents[2]

    @property
    def recipe(self) -> str | None:
        """Its file, as the run names it."""
        if self.history.started is not None:
            return self.history.started.recipe
        return self.lock.recipe if self.lock else None

    @property
    def began(self) -> datetime | None:
        """In UTC."""
        return history.time_of(self.history.first) if self.history.first else None

    @property
    def problem(self) -> str | None:
        """What a failed run says of why."""
        return self.history.last.message if isinstance(self.history.last, RunFailed) else None

    @cached_property
    def curve(self) -> LossCurve:
        return loss_curve.of(self.history)

    @cached_property
    def size(self) -> int:
        """Bytes of all its files."""
        return size_of(self.folder)


def read(folder: Path) -> Record:
    """Read a run directory. Never raises: what cannot be read is left out."""
    run = runs.read(folder)
    found, damage = _events(folder / run_files.EVENTS)
    return Record(folder, run.state, history.of(found), run_files.read_dataset_lock(folder), run.model, damage)


def size_of(folder: Path) -> int:
    """Bytes of all files of a run."""
    return sum(_size(Path(below, name)) for below, _, names in os.walk(folder) for name in names)


def folder_of(place: Path | None) -> Path:
    """The folder whose `.lintune` holds the runs: that of a recipe, that folder itself, or without a place the nearest
    that has some, from the working folder upward (which it is, when none has).

    Raises LintuneError when there is no such place.
    """
    if place is None:
        here = Path.cwd()
        return next((folder for folder in (here, *here.parents) if run_files.runs_folder(folder).is_dir()), here)
    if place.is_dir():
        return place
    if place.is_file():
        return place.parent
    raise LintuneError(f"There is no {place}. Give a recipe, or the folder of one.")


def all_of(place: Path | None) -> list[Record]:
    """The runs of a recipe, or all those in a folder, newest first. place: see `folder_of`. Raises LintuneError."""
    folder = folder_of(place)
    found = [read(directory) for directory in run_files.run_directories(folder)]
    if place is None or place.is_dir():
        return found
    wanted = real_path(place)
    return [record for record in found if record.recipe and real_path(folder / record.recipe) == wanted]


def find(word: str, place: Path | None) -> Record:
    """The run that is meant: by its directory, its name, a beginning of its name or of the letters behind the dash,
    or `latest`, and `latest~1` for the one before.

    Raises LintuneError when there is none, or more than one.
    """
    if (Path(word) / run_files.EVENTS).is_file():
        return read(Path(word).resolve())
    folder = folder_of(place)
    found = [record.folder for record in all_of(place)] if place and place.is_file() else None
    directories = list(run_files.run_directories(folder)) if found is None else found
    if not directories:
        raise LintuneError(f"There is no run in {folder.resolve()}. Train one with: lintune train recipe.yaml")
    return read(_meant(word, directories))


def _meant(word: str, directories: Sequence[Path]) -> Path:
    if latest := _LATEST.fullmatch(word):
        back = int(latest[1] or 0)
        if back < len(directories):
            return directories[back]
        if len(directories) == 1:
            raise LintuneError(f"{word}: there is one run only, {directories[0].name}.")
        raise LintuneError(
            f"{word}: there are {len(directories):,} runs, of which latest~{len(directories) - 1} is the first."
        )
    for directory in directories:
        if directory.name == word:
            return directory
    fitting = [path for path in directories if any(part.startswith(word) for part in _names(path.name))] if word else []
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise LintuneError(f"{word} fits {len(fitting):,} runs: {_some(fitting)}. Give more of the name.")
    raise LintuneError(f"There is no run {word}. There are {_some(directories)}. See: lintune runs")


def _names(name: str) -> tuple[str, str]:
    return name, name.partition("-")[2] or name


def _some(directories: Sequence[Path]) -> str:
    names = [directory.name for directory in directories[:_NAMED]]
    more = len(directories) - len(names)
    return f"{', '.join(names)} and {more:,} more" if more else ", ".join(names)


def _events(path: Path) -> tuple[list[Event], str | None]:
    """The events of a record, and a sentence when it is damaged; what follows the damage is left out."""
    found: list[Event] = []
    try:
        for event in events.read(path):
            found.append(event)  # noqa: PERF402 (what was read before a bad line counts)
    except msgspec.DecodeError:
        return found, f"Behind its first {len(found):,} lines, {path.name} is damaged, or of a newer Lintune."
    except OSError as error:
        return found, f"{path.name} could not be read: {error.strerror or error}."
    return found, None


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:  # deleted meanwhile, as old checkpoints are
        return 0
