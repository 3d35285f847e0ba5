"""What is found on single lines of an open data set, right after they were typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.layouts import surroundings_of
from lintune_server.lint.line_check import LineChecker
from lintune_server.lint.lines import BLANK
from lintune_server.lint.sieve import Sieve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lintune_server.lint.context import Context
    from lintune_server.lint.findings import Finding

_LONGEST = 1 << 20
"""Characters of a line that is checked while it is typed; longer ones wait for the analysis."""


class LineFindings:
    """Checks lines of one data set by themselves. For one thread at a time."""

    def __init__(self, path: Path, context: Context) -> None:
        self.context = context
        self._path = path
        self._sieve = Sieve.of(path, context.recipe, context.recipe_path)
        self._head: Sequence[str] | None = None
        self._checker: LineChecker | None = None

    def check(self, lines: Mapping[int, str], head: Sequence[str]) -> dict[int, list[Finding]]:
        """The findings of each line, as those of a line 0. head: the first lines of the text, which say its format."""
        if self._checker is None or head != self._head:
            self._checker = LineChecker(self._path, surroundings_of(head, self._path, self.context))
            self._head = head
        checked = [number for number, text in lines.items() if text.strip(BLANK) and len(text) <= _LONGEST]
        found: dict[int, list[Finding]] = {number: [] for number in lines}
        for number, one in zip(checked, self._checker.check([lines[number] for number in checked]), strict=True):
            found[number] = self._sieve.sift(one.findings, lambda _, text=lines[number]: text)  # type: ignore[misc]
        return found
