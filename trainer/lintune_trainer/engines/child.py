"""A training in processes of its own: started, read line by line, and gone when we are."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import TYPE_CHECKING

from lintune_trainer.engines import guard

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import IO


@contextlib.contextmanager
def started(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, *, errors: bool = False
) -> Iterator[Child]:
    """Run `command` in `folder`. Whatever ends the block ends all of its processes, and so does our own death.

    errors: whether standard error is read, too; otherwise it goes where ours goes.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", guard.__name__, *command],
        env={**environment, "PYTHONSAFEPATH": "1"},  # no module of the user's folder is taken for a library's
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if errors else None,
        start_new_session=True,  # Ctrl-C in a terminal is for us alone; we tell it
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Child(process, process.stdout)
    finally:
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(timeout=3 * guard.GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


class Child:
    """What was started."""

    def __init__(self, process: subprocess.Popen[bytes], output: IO[bytes]) -> None:
        self._process = process
        self._output = output

    def lines(self) -> Iterator[bytes]:
        """What it prints, without line ends; a progress bar that begins its line anew gives a line each time."""
        rest = b""
        while chunk := self._output.read1(1 << 16):  # type: ignore[attr-defined] # a BufferedReader
            *whole, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
            yield from (line for line in whole if line.strip())
        if rest.strip():
            yield rest

    def end(self) -> int:
        """Wait for its exit code."""
        return self._process.wait()
