"""llama.cpp's log: kept for the messages of errors, printed only when asked for."""

from __future__ import annotations

import ctypes
import sys
from collections import deque

import llama_cpp

_ERROR = 3
"""GGML_LOG_LEVEL_ERROR of ggml.h."""

_errors: deque[str] = deque(maxlen=20)
_verbose = False


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]  # ctypes' function types have no annotations
def _callback(level: int, text: bytes, _data: ctypes.c_void_p) -> None:
    line = text.decode("utf-8", "replace")
    if level == _ERROR:
        _errors.append(line.strip())
    if _verbose:
        sys.stderr.write(line)


def capture(*, verbose: bool) -> None:
    """Take llama.cpp's log over, for the whole process. verbose: pass it to standard error."""
    global _verbose
    _verbose = verbose
    llama_cpp.llama_log_set(_callback, ctypes.c_void_p(0))


def forget_errors() -> None:
    _errors.clear()


def first_error() -> str | None:
    """The first error since `forget_errors`: the cause. Later ones tell what failed because of it."""
    return next((line for line in _errors if line), None)
