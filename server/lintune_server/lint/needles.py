"""Which rules have to be asked about which lines of a large text: one pass for the needles of all rules."""

from __future__ import annotations

from bisect import bisect_right
from functools import cache
from typing import TYPE_CHECKING, Any

from lintune_server.rules import NEEDLES

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Sequence, Set

_ESCAPE = b"\\u"
"""Behind it any character may stand, those of a needle as well."""


def asking(data: bytes, offsets: array[int], numbers: Sequence[int]) -> Callable[[tuple[str, ...]], Set[int]]:
    """Which lines the rules with some needles have to be asked about, as indices into `numbers`.

    data: the lines, in bytes; offsets: where each begins; numbers: those that are checked.
    """
    index_of = {number: index for index, number in enumerate(numbers)}
    found: dict[int, set[int]] = {}
    automaton, patterns = _automaton()
    for pattern, start, _ in automaton.find_matches_as_indexes(data.lower(), overlapping=True):
        index = index_of.get(bisect_right(offsets, start) - 1)
        if index is not None:
            found.setdefault(pattern, set()).add(index)
    escaped = found.get(patterns[_ESCAPE], set())
    return {
        needles: escaped.union(*(found.get(patterns[needle.lower().encode()], ()) for needle in needles))
        for needles in NEEDLES
    }.__getitem__


@cache
def _automaton() -> tuple[Any, dict[bytes, int]]:
    from ahocorasick_rs import BytesAhoCorasick

    needles = {needle.lower().encode() for group in NEEDLES for needle in group}
    patterns = [_ESCAPE, *sorted(needles - {_ESCAPE})]
    return BytesAhoCorasick(patterns), {pattern: index for index, pattern in enumerate(patterns)}
