"""Which rules have to be asked about which lines of a large text: one pass for the needles of all rules."""

from __future__ import annotations

from bisect import bisect_right
from functools import cache
from typing import TYPE_CHECKING, Any

from lintune_server.rules import NEEDLES

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Sequence

    from lintune_server.lint.rule import LineRule

_ESCAPE = b"\\u"
"""Behind it any character may stand, those of a needle as well."""


def asking(data: bytes, offsets: array[int], numbers: Sequence[int]) -> Callable[[LineRule, int], bool]:
    """Whether a rule with needles has to be asked about a line.

    data: the lines, in bytes; offsets: where each begins; numbers: those that are checked. The function takes a rule
    and an index into `numbers`.
    """
    found: dict[int, set[int]] = {}
    automaton, patterns = _automaton()
    for pattern, start, _ in automaton.find_matches_as_indexes(data.lower(), overlapping=True):
        found.setdefault(pattern, set()).add(bisect_right(offsets, start) - 1)
    escaped = found.get(patterns[_ESCAPE], set())
    lines = {
        needles: escaped.union(*(found.get(patterns[needle.lower().encode()], ()) for needle in needles))
        for needles in NEEDLES
    }
    return lambda rule, index: numbers[index] in lines[rule.needles]


@cache
def _automaton() -> tuple[Any, dict[bytes, int]]:
    from ahocorasick_rs import BytesAhoCorasick

    needles = {needle.lower().encode() for group in NEEDLES for needle in group}
    patterns = [_ESCAPE, *sorted(needles - {_ESCAPE})]
    return BytesAhoCorasick(patterns), {pattern: index for index, pattern in enumerate(patterns)}
