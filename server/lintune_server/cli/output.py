"""Where a command's result goes: standard output, or a file that is there only once it is whole."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from lintune_schemas import atomic
from lintune_schemas.errors import LintuneError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ERRORS = "backslashreplace"
"""What is no character (a lone surrogate out of a data set) is written as an escape, which JSON reads, too."""


@contextmanager
def opened(path: Path | None) -> Iterator[TextIO]:
    """Standard output without a path. Raises LintuneError when the file cannot be written."""
    if path is None:
        sys.stdout.reconfigure(encoding="utf-8", errors=ERRORS)  # type: ignore[union-attr]
        yield sys.stdout
        return
    try:
        if path.exists() and not path.is_file():  # /dev/stderr, a named pipe
            with path.open("w", encoding="utf-8", errors=ERRORS, newline="\n") as file:
                yield file
            return
        with (
            atomic.new_file(path.resolve()) as partial,
            partial.open("w", encoding="utf-8", errors=ERRORS, newline="\n") as file,
        ):
            yield file
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise LintuneError(f"{path} could not be written: {error.strerror or error}.") from error
