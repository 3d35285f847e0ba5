"""What `lintune export` and `lintune verify` share: a command of the trainer's, on a run that finished."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lintune_schemas import events
from lintune_schemas.errors import LintuneError
from lintune_schemas.runs import EVENTS, run_directories
from lintune_server.cli import verify_text
from lintune_server.cli.terminal import Look
from lintune_server.training import narration, records
from lintune_server.training.supervisor import require_train_extra

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def add_run(parser: argparse.ArgumentParser) -> None:
    """The argument `run`, which `folder_of` understands."""
    parser.add_argument(
        "run",
        type=Path,
        nargs="?",
        default=Path(),
        metavar="RUN",
        help="a run's directory or name, or a recipe's folder",
    )


def folder_of(path: Path) -> Path:
    """The run directory that is meant: `path` itself, the newest run of the recipe folder `path`, or a run by its name.

    Raises LintuneError when there is none.
    """
    if (path / EVENTS).is_file():
        return path.resolve()
    if not path.exists():
        return records.find(str(path), None).folder.resolve()
    newest = next(run_directories(path), None)
    if newest is None:
        raise LintuneError(f"There is no run in {path.resolve()}. Give a run's directory, as .lintune/runs/….")
    return newest.resolve()


def trainer(arguments: Sequence[str], *, quiet: bool = False) -> int:
    """Run a command of the trainer's in a process of its own, and tell what it reports; its exit code.

    quiet: nothing goes to standard output.
    """
    require_train_extra()
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "lintune_trainer", *arguments], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            try:
                event = events.decode(line)
            except msgspec.DecodeError:
                continue
            if isinstance(event, events.StageChanged) and event.state is events.StageState.STARTED:
                print(f"{narration.STAGES[event.stage]} …", file=sys.stderr)
            elif quiet:
                continue
            elif isinstance(event, events.Verified):
                print("The export equals the trained model." if event.ok else "THE EXPORT DIFFERS.")
                print("\n".join(verify_text.table(event.checks, Look.of(sys.stdout))))
            elif words := narration.notable(event):
                print(words)
    return process.returncode
