"""Keeping a process that runs all day small, where the C library can be told to."""

from __future__ import annotations

import gc
import sys
from contextlib import suppress

_ARENA_MAX = -8
"""glibc's M_ARENA_MAX (malloc.h)."""


def share_arenas() -> None:
    """Let threads share what they allocate from: by default each has an arena of its own, which keeps what it freed.

    To be called before there are threads.
    """
    _call("mallopt", _ARENA_MAX, 1)


def give_back() -> None:
    """What was needed for a moment goes back to the system. Takes some hundredths of a second."""
    gc.collect()
    _call("malloc_trim", 0)


def collect_rarely() -> None:
    """Look for rings of garbage a hundredth as often: loading modules makes hundreds of thousands of objects, of which
    none is garbage, and looking takes a quarter of the time."""
    gc.set_threshold(70_000, 20, 20)


def _call(function: str, *arguments: int) -> None:
    if sys.platform != "linux":
        return
    import ctypes

    with suppress(OSError, AttributeError):  # not glibc
        getattr(ctypes.CDLL(None), function)(*arguments)
