"""Keeping a process that runs all day small, where the C library can be told to."""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import suppress

_ARENA_MAX = -8
"""glibc's M_ARENA_MAX (malloc.h)."""


def share_arenas() -> None:
    """Let threads share what they allocate from: by default each has an arena of its own, which keeps what it freed.

    To be called before there are threads.
    """
    with suppress(OSError, AttributeError):  # not glibc
        if sys.platform == "linux":
            ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


def give_back() -> None:
    """What was needed for a moment goes back to the system. Takes some hundredths of a second."""
    gc.collect()
    with suppress(OSError, AttributeError):
        if sys.platform == "linux":
            ctypes.CDLL(None).malloc_trim(0)
