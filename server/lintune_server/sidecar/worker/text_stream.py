"""From the bytes of tokens to text that may be shown: whole characters, and nothing of a stop sequence."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class TextStream:
    """Takes the bytes of one token after the other; a token may end in the middle of a character.

    stops: the text ends before the first of these sequences that is complete. Text that could still become
    one is held back. How the bytes are cut into tokens makes no difference to the text in all.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self.stopped = False
        self.length = 0
        """Characters that have come in."""
        self.shown = 0
        """Characters that have come out."""

    def push(self, data: bytes) -> str:
        """The text that is certain now. After a stop sequence `stopped` is True, and nothing more comes."""
        if self.stopped:
            return ""
        text = self._decoder.decode(data)
        self._held += text
        self.length += len(text)
        if found := self._first_stop():
            self.stopped = True
            return self._take(found[0])
        return self._take(len(self._held) - self._longest_beginning_of_a_stop())

    def finish(self) -> str:
        """What was held back, when no more tokens come. Half a character at the end is dropped."""
        return "" if self.stopped else self._take(len(self._held))

    def _first_stop(self) -> tuple[int, int] | None:
        """Half-open range of the sequence that is complete first; of several, the longest."""
        starts = ((self._held.find(stop), len(stop)) for stop in self._stops)
        ranges = [(start, start + length) for start, length in starts if start >= 0]
        return min(ranges, key=lambda found: (found[1], found[0]), default=None)

    def _longest_beginning_of_a_stop(self) -> int:
        longest = max(map(len, self._stops), default=1) - 1
        for length in range(min(longest, len(self._held)), 0, -1):
            if any(stop.startswith(self._held[-length:]) for stop in self._stops):
                return length
        return 0

    def _take(self, length: int) -> str:
        taken, self._held = self._held[:length], self._held[length:]
        self.shown += length
        return taken
