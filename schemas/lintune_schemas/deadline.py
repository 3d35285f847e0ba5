"""A time limit for Python code that is not ours to change: chat templates that come with a model or a recipe."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

WATCHDOG = "template-deadline"
"""The name of the one thread. It may run while a process forks."""

_POLL = 0.25
"""Seconds between looks at the clock. Nothing waits for it unless the limit is reached."""


class DeadlineError(Exception):
    """Raised inside the code that ran for too long."""


@dataclass(slots=True)
class _Watched:
    thread: int
    until: float
    fired: bool = False


_lock = threading.Lock()
_watched: list[_Watched] = []
_someone_waits = threading.Event()
_watchdog: threading.Thread | None = None


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise DeadlineError in the block once it has run that long, in the thread that it runs in.

    Only between bytecodes: a single long call into C is not interrupted. Costs about a microsecond.
    """
    entry = _Watched(threading.get_ident(), time.monotonic() + seconds)
    with _lock:
        _start_watchdog()
        _watched.append(entry)
    _someone_waits.set()
    try:
        yield
    finally:
        with _lock:
            _watched.remove(entry)
            if entry.fired:  # it may still be on its way
                _raise_in(entry.thread, None)


def _start_watchdog() -> None:
    global _watchdog
    if _watchdog is None:
        _watchdog = threading.Thread(target=_watch, name=WATCHDOG, daemon=True)
        _watchdog.start()


def _begin_anew() -> None:
    """In a forked process: the watchdog does not live on in it, nor does what the other threads were doing."""
    global _lock, _someone_waits, _watchdog
    _lock, _someone_waits, _watchdog = threading.Lock(), threading.Event(), None
    _watched.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


def _watch() -> None:
    while True:
        _someone_waits.wait()
        time.sleep(_POLL)
        with _lock:
            now = time.monotonic()
            for entry in _watched:
                if now > entry.until and not entry.fired:
                    entry.fired = True
                    _raise_in(entry.thread, DeadlineError)
            if not _watched:
                _someone_waits.clear()


def _raise_in(thread: int, exception: type[Exception] | None) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread), ctypes.py_object(exception) if exception else None
    )
