"""The trainer as its users see it: a process that prints events, and leaves a run directory."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from lintune_schemas import events, runs
from lintune_schemas.events import Event

LAMPS = Path(__file__).parent / "fixtures" / "lamps"


@dataclass(frozen=True)
class Ended:
    """A trainer process that is over."""

    code: int
    events: list[Event]
    """What it printed; any other line there is an error."""
    words: str
    """What it said on standard error."""

    def of(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def last(self) -> Event:
        return self.events[-1]


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "lintune_trainer", *map(str, arguments)]


def run(*arguments: object, before: Callable[[], None] | None = None, env: dict[str, str] | None = None) -> Ended:
    """Run the trainer to its end. before: called in the child before it becomes the trainer."""
    child = subprocess.run(
        command(*arguments), capture_output=True, preexec_fn=before, env=env, timeout=900, check=False
    )
    lines = child.stdout.splitlines()
    return Ended(child.returncode, [events.decode(line) for line in lines], child.stderr.decode())


def train(folder: Path, *assignments: str, before: Callable[[], None] | None = None) -> Ended:
    """Carry out the recipe in a folder, with `key=value` assignments."""
    options = [part for assignment in assignments for part in ("--set", assignment)]
    return run("train", folder / "recipe.yaml", *options, before=before)


def start_and_wait_for(
    folder: Path, kind: type, *assignments: str, env: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """A trainer that has just reported an event of this kind, and has much to do still."""
    options = [part for assignment in ("num_epochs=1000", *assignments) for part in ("--set", assignment)]
    child = subprocess.Popen(
        command("train", folder / "recipe.yaml", *options),
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout is not None
    for line in child.stdout:
        if isinstance(events.decode(line), kind):
            return child
    pytest.fail(f"no {kind.__name__}; it said: {child.communicate()[1].decode()}")


def only_run(folder: Path) -> Path:
    """The one run directory beside a recipe."""
    (found,) = runs.runs_folder(folder).iterdir()
    return found


def run_directories(folder: Path) -> list[Path]:
    return sorted(runs.runs_folder(folder).glob("*"))


def finally_named(folder: Path) -> list[str]:
    """Everything below a run directory that has its final name, for a person to read in a failed test."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
