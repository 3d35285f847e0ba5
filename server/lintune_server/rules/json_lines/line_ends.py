"""Which line ends a file has."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lintune_server.lint.shape import Shape


def usual_end(shape: Shape) -> str:
    """The one that most lines have; a line feed when none has more, or most have a carriage return alone."""
    return "\r\n" if shape.ends["\r\n"] > shape.ends["\n"] else "\n"
