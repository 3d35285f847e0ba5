"""The folder of a recipe while a trainer works in it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from lintune_schemas import atomic, runs
from lintune_schemas.errors import LintuneError
from lintune_trainer.run import remove_left_overs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PATIENCE = 1.0
"""Seconds: who looks whether the lock is held (`lintune_server.training.trainers`) holds it for a moment."""


@contextmanager
def locked(recipe_folder: Path) -> Iterator[None]:
    """Hold the lock of a recipe's folder, and clear away what killed trainers left there half-written.

    The operating system releases the lock of a process that dies. Raises LintuneError when another trainer
    holds it or nothing can be written here.
    """
    state = runs.state_folder(recipe_folder)
    lock = FileLock(runs.train_lock(recipe_folder), timeout=_PATIENCE)
    try:
        state.mkdir(exist_ok=True)
        ignore = state / ".gitignore"
        if not ignore.is_file():
            atomic.write_text(ignore, "*\n")
        lock.acquire()
    except Timeout as error:
        raise LintuneError(
            f"Another training is running in {recipe_folder}. Wait for its end, or stop it first."
        ) from error
    except OSError as error:
        raise LintuneError(
            f"{state} cannot be written ({error.strerror or error}), and runs are kept there. Make the "
            "folder writable, or copy the recipe to one that is."
        ) from error
    try:
        remove_left_overs(runs.runs_folder(recipe_folder))
        yield
    finally:
        lock.release()
