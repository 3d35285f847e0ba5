"""Copies of data sets as runs read them: what a run goes on with after its files were edited or deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas import atomic, runs
from lintune_schemas.errors import LintuneError

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_schemas.runs import LockedDataset


def keep(recipe_folder: Path, name: str, content: bytes) -> None:
    """Write a copy under the name that its bytes give, unless it is there. Raises OSError."""
    path = runs.snapshots_folder(recipe_folder) / name
    if not path.is_file() or path.stat().st_size != len(content):
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_bytes(path, content)


def content(recipe_folder: Path, locked: LockedDataset) -> bytes:
    """The bytes of a data set as a run read it. Raises LintuneError when they are gone."""
    path = runs.snapshots_folder(recipe_folder) / (locked.snapshot or "")
    try:
        return path.read_bytes()
    except OSError as error:
        raise LintuneError(
            f"The copy of {locked.path} that this run was training on is gone. Train anew, without resuming."
        ) from error


def prune(recipe_folder: Path) -> None:
    """Delete the copies that no run names any more; only while nobody else trains there."""
    locks = [runs.read_dataset_lock(run) for run in runs.run_directories(recipe_folder)]
    named = {locked.snapshot for lock in locks if lock for locked in (*lock.train, *lock.test)}
    folder = runs.snapshots_folder(recipe_folder)
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name not in named:
            path.unlink(missing_ok=True)
