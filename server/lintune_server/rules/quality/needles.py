"""A cheap test before a slow one."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ahocorasick_rs import BytesAhoCorasick

    from lintune_server.lint.sample import Line


class Needles:
    """Texts, compared without case, of which one stands wherever a rule finds anything."""

    def __init__(self, *texts: str) -> None:
        """texts: ASCII, in small letters, with nothing that JSON has to escape."""
        self.texts = texts

    @cached_property
    def _automaton(self) -> BytesAhoCorasick:
        """Looks for all of them at once: in two microseconds a sample, where a regular expression takes a hundred."""
        from ahocorasick_rs import BytesAhoCorasick

        return BytesAhoCorasick([text.encode() for text in self.texts])

    def missing(self, line: Line) -> bool:
        """Whether it is certain that none of them stands in a line that the linter asks about.

        Lines with escapes it has to ask about without knowing: some JSON writers escape all that is not ASCII.
        """
        return "\\u" in line.text and not self._automaton.find_matches_as_indexes(line.compact.lower())
