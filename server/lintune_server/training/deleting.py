"""Deleting run directories: whole or not at all, and never one that somebody works on."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from lintune_schemas import atomic
from lintune_schemas import runs as run_files
from lintune_schemas.errors import LintuneError
from lintune_server.training import runs, trainers
from lintune_server.training.runs import RunState

if TYPE_CHECKING:
    from pathlib import Path


def delete(run: Path) -> None:
    """Delete a run directory. Raises LintuneError when it is being worked on, or cannot be deleted.

    It loses its name first. So it is gone for everybody at once, and what a killed deletion leaves is known as a
    left-over, which the next trainer clears away.
    """
    _require_rest(run)
    doomed = run.with_name(f"{atomic.PARTIAL_PREFIX}{os.getpid()}-{run.name}")
    try:
        run.rename(doomed)
    except FileNotFoundError:
        return  # somebody was quicker
    except OSError as error:
        raise LintuneError(
            f"The run {run.name} could not be deleted: {error.strerror or error}. Nothing of it was changed."
        ) from error
    if doomed.is_symlink():
        doomed.unlink()
    else:
        shutil.rmtree(doomed, ignore_errors=True)


def _require_rest(run: Path) -> None:
    if runs.read(run).state is RunState.RUNNING:
        raise LintuneError(f"The run {run.name} is going on. Stop it first.")
    recipe_folder = run_files.recipe_folder(run)
    if trainers.is_at_work(recipe_folder) and runs.at_work(recipe_folder) is None:
        # It exports or verifies a run, or is about to resume one; which, only that process knows.
        raise LintuneError(
            f"Another program works on the runs in {recipe_folder}. Wait for its end before you delete {run.name}."
        )
