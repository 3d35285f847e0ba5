"""Run directories: where they are, what is in them, and the fingerprint that tells one training from another.

The trainer writes them and the server reads them; both take every name from here.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from typing import TYPE_CHECKING

import msgspec

from lintune_schemas import atomic, events
from lintune_schemas import recipe as recipes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from lintune_schemas.datasets import DatasetFile
    from lintune_schemas.recipe import Recipe

STATE_FOLDER = ".lintune"
"""Beside the recipe. Holds everything that Lintune writes for it, and git-ignores itself."""

RECIPE_LOCK = "recipe.lock.yaml"
DATASET_LOCK = "dataset.lock.json"
EVENTS = "events.jsonl"
CHECKPOINTS = "checkpoints"
"""The folder of checkpoints, and of their adapters for llama.cpp."""
ADAPTER_GGUF = "adapter.gguf"
"""The run's adapter as llama.cpp reads one, unless llama.cpp has no place for it."""
_CHECKPOINT_ADAPTER = re.compile(r"adapter-(\d+)\.gguf")


class LockedDataset(msgspec.Struct, frozen=True):
    """A data set as a run read it."""

    path: str
    """As the recipe names it."""
    format: str
    samples: int
    content_hash: str
    snapshot: str | None = None
    """Name, in `snapshots_folder`, of a copy of the file as it was read; None of runs that kept none."""


class DatasetLock(msgspec.Struct, frozen=True):
    """`dataset.lock.json`: what a run was trained and evaluated on."""

    fingerprint: str
    """`fingerprint` of the recipe and these data sets: when it is equal, training again changes nothing."""
    train: list[LockedDataset] = []
    test: list[LockedDataset] = []
    recipe: str | None = None
    """Name of the recipe's file; None of runs that did not write it down."""


def state_folder(recipe_folder: Path) -> Path:
    return recipe_folder / STATE_FOLDER


def runs_folder(recipe_folder: Path) -> Path:
    return state_folder(recipe_folder) / "runs"


def recipe_folder(run: Path) -> Path:
    """The folder of the recipe that a run directory, as `runs_folder` has them, belongs to."""
    return run.parents[2]


def snapshots_folder(recipe_folder: Path) -> Path:
    """Copies of data sets as runs read them, each under the SHA-256 of its bytes."""
    return state_folder(recipe_folder) / "data"


def train_lock(recipe_folder: Path) -> Path:
    """The lock file that a trainer holds while it runs."""
    return state_folder(recipe_folder) / "train.lock"


def fingerprint(recipe: Recipe, train: Iterable[DatasetFile], test: Iterable[DatasetFile]) -> str:
    """A hash of all that decides what is trained: the recipe's resolved values and the samples' contents.

    recipe: as `recipe.load` gives it, with the command line's `--set` applied, paths not resolved.
    """
    parts = [recipes.fingerprint(recipe)]
    parts += [f"train {file.content_hash}" for file in train]
    parts += [f"test {file.content_hash}" for file in test]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def lock_datasets(
    recipe: Recipe, recipe_path: Path, train: Iterable[DatasetFile], test: Iterable[DatasetFile]
) -> DatasetLock:
    """What to write to `dataset.lock.json`."""
    train, test = list(train), list(test)
    return DatasetLock(
        fingerprint(recipe, train, test),
        [_locked(file, recipe_path.parent) for file in train],
        [_locked(file, recipe_path.parent) for file in test],
        recipe_path.name,
    )


def write_dataset_lock(run: Path, lock: DatasetLock) -> None:
    """Write the lock of a run directory. Raises OSError."""
    atomic.write_bytes(run / DATASET_LOCK, msgspec.json.format(msgspec.json.encode(lock)) + b"\n")


def read_dataset_lock(run: Path) -> DatasetLock | None:
    """The lock of a run directory; None when there is none, or none that can be understood."""
    try:
        return msgspec.json.decode((run / DATASET_LOCK).read_bytes(), type=DatasetLock)
    except (OSError, msgspec.DecodeError):
        return None


def run_directories(recipe_folder: Path) -> Iterator[Path]:
    """The runs beside a recipe, newest first (their names begin with the time in UTC)."""
    try:
        found = [
            path
            for path in runs_folder(recipe_folder).iterdir()
            if not path.name.startswith(atomic.PARTIAL_PREFIX) and (path / EVENTS).is_file()
        ]
    except OSError:
        return
    yield from sorted(found, key=lambda path: path.name, reverse=True)


def checkpoint_adapter(run: Path, step: int) -> Path:
    """Where the adapter of a checkpoint is, as llama.cpp reads one: beside it, since it is there before."""
    return run / CHECKPOINTS / f"adapter-{step}.gguf"


def checkpoint_adapters(run: Path) -> dict[int, Path]:
    """Those that are there, by their steps, the newest first."""
    found = {
        int(name[1]): path
        for path in (run / CHECKPOINTS).glob("adapter-*.gguf")
        if (name := _CHECKPOINT_ADAPTER.fullmatch(path.name))
    }
    return dict(sorted(found.items(), reverse=True))


def read_events(run: Path) -> list[events.Event]:
    """The events of a run directory; those that can be read, when its file was damaged."""
    found: list[events.Event] = []
    with contextlib.suppress(OSError, msgspec.DecodeError):
        for event in events.read(run / EVENTS):
            found.append(event)  # noqa: PERF402 (what was read before a bad line counts)
    return found


def path_in_recipe(path: Path, recipe_folder: Path) -> str:
    """A data set's path as a recipe names it: relative to the recipe's folder, where it is below."""
    try:
        return path.relative_to(recipe_folder).as_posix()
    except ValueError:
        return str(path)


def _locked(file: DatasetFile, recipe_folder: Path) -> LockedDataset:
    path = path_in_recipe(file.path, recipe_folder)
    return LockedDataset(path, file.format.value, len(file.samples), file.content_hash, file.snapshot)
