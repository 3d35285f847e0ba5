"""What was found out about lines of text, remembered by their text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Found = TypeVar("Found")

_MOST = 20_000
"""Lines. What is visible, and what was a moment ago, are some hundred; some editors ask for whole files."""


class Memo(Generic[Found]):
    """Finds something out about lines, of each once. Threads may share it.

    find: what it is of many lines, in their order.
    """

    def __init__(self, find: Callable[[Sequence[str]], Sequence[Found]]) -> None:
        self._find = find
        self._known: dict[str, Found] = {}

    def of(self, lines: Sequence[str]) -> list[Found]:
        known = self._known
        new = [line for line in dict.fromkeys(lines) if line not in known]
        found = dict(zip(new, self._find(new), strict=True)) if new else {}
        answer = [found[line] if line in found else known[line] for line in lines]
        if len(known) + len(found) > _MOST:
            self._known = dict(zip(lines, answer, strict=True))  # others may still read the old one
        else:
            known.update(found)
        return answer
