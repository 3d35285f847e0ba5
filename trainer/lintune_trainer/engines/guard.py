"""`python -m lintune_trainer.engines.guard COMMAND…`: runs a command, and lets none of its processes outlive us.

Launchers start processes that start processes, some in sessions of their own (torch's elastic launcher does so), and a
trainer may be killed at any moment. So this process stands between: its standard input is a pipe whose other end the
trainer holds. When that end is closed, by will or by death, everything below this process is told to stop, and killed
when it does not. The exit code is the command's.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading

import psutil

GRACE = 5.0
"""Seconds from SIGTERM to SIGKILL. What stops has nothing to save: checkpoints are whole or absent."""


def main(command: list[str]) -> int:
    """Run the command to its end, or to the end of standard input."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _stop_all())
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    threading.Thread(target=_watch, daemon=True).start()
    code = child.wait()
    _stop_all()  # of a launcher that died, workers may be left
    return code if code >= 0 else 128 - code


def _watch() -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    _stop_all()


def _stop_all() -> None:
    below = psutil.Process().children(recursive=True)
    for process in below:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, left = psutil.wait_procs(below, timeout=GRACE)
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
