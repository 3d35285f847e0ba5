"""Trainers that somebody else started: whether one is at work beside a recipe, and which process it is.

The system releases a process's lock when it dies, and gives its number to another one. So the lock says whether, and
the run's record which one, as long as that process looks like a trainer.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from lintune_schemas import runs

_PROGRAM = b"lintune_trainer"
"""A word of a trainer's command line."""


def is_at_work(recipe_folder: Path) -> bool:
    """Whether a trainer holds the lock of a recipe's folder. Where that cannot be told, none does."""
    path = runs.train_lock(recipe_folder)
    if not path.is_file():  # asking would make it
        return False
    from filelock import FileLock, Timeout  # not while the server starts

    lock = FileLock(path, timeout=0)
    try:
        with lock:
            return False
    except Timeout:
        return True
    except OSError:
        return False


def is_trainer(pid: int) -> bool:
    """Whether there is such a process and, on Linux, whether it is a trainer."""
    if sys.platform == "linux":
        try:
            return _PROGRAM in Path(f"/proc/{pid}/cmdline").read_bytes()  # empty when it is dead and not yet buried
        except OSError:
            return False
    if sys.platform == "win32":
        import ctypes

        # PROCESS_QUERY_LIMITED_INFORMATION. os.kill(pid, 0) would send Ctrl-C on Windows.
        handle = ctypes.windll.kernel32.OpenProcess(0x1000, False, pid)
        if handle:
            ctypes.windll.kernel32.CloseHandle(handle)
        return bool(handle)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def stop(pid: int) -> bool:
    """Ask a trainer that somebody else started to stop. False where it is not certain that the process is one."""
    if sys.platform != "linux" or not is_trainer(pid):
        return False
    try:
        os.kill(pid, signal.SIGTERM)
    except OSError:  # it is gone, or another user's
        return False
    return True
