"""A trainer that is at work, as other programs see it, without one."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lintune_schemas import runs

_HOLDS_THE_LOCK = """\
import sys, filelock
with filelock.FileLock(sys.argv[1]):
    print("holds it", flush=True)
    sys.stdin.read()
"""


@contextmanager
def trainer_at_work(workspace: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds a trainer's lock, looks like one, and does nothing."""
    lock = runs.train_lock(workspace)
    lock.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-c", _HOLDS_THE_LOCK, str(lock), "lintune_trainer"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as trainer:
        try:
            assert trainer.stdout
            assert trainer.stdout.readline() == b"holds it\n"
            yield trainer
        finally:
            trainer.kill()
