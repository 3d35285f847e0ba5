"""Ranges of requests as lines of a document."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lsprotocol import types

    from lintune_server.language_server.documents import Document


def lines_of(document: Document, range_: types.Range | None, most: int) -> tuple[int, list[str]]:
    """The number of the first line of a range, and its lines without their ends, `most` of them at the most.

    Only these lines of the text are touched. What of the range is outside the text is left out.
    """
    last = len(document.text.lines) - 1
    first = 0
    if range_ is not None:
        first = max(range_.start.line, 0)
        ends_before_line = range_.end.character <= 0 and range_.end.line > range_.start.line
        last = min(last, range_.end.line - ends_before_line)
    numbers = range(first, min(last + 1, first + most))
    return first, [line for number in numbers if (line := document.line(number)) is not None]
