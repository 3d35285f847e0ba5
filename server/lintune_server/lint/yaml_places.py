"""From the YAML reader's offsets to an editor's lines and columns."""

from __future__ import annotations

from bisect import bisect_right

from lintune_server.lint.findings import Position, Range
from lintune_server.lint.lines import BOM, LINE_END


class Places:
    """The places of one text.

    Lines are those of an editor: to YAML 1.1, U+2028 and U+0085 end one, too. An offset is the reader's: code points,
    without a byte order mark at the beginning.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(end.end() for end in LINE_END.finditer(text))]
        self._before = len(BOM) if text.startswith(BOM) else 0

    def position(self, offset: int) -> Position:
        index = min(self._before + offset, len(self._text))
        line = bisect_right(self._starts, index) - 1
        return Position(line, index - self._starts[line])

    def range(self, start: int, end: int) -> Range:
        return Range(self.position(start), self.position(end))

    def text(self, start: int, end: int) -> str:
        return self._text[self._before + start : self._before + end]
