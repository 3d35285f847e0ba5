"""Near-duplicates: found by MinHashes, and compared word for word before anything is said of them."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from lintune_server.rules.duplicates.facts import FEWEST_WORDS, WHOLE, digests, minima, words_of
from lintune_server.rules.duplicates.grouping import alike

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from lintune_server.rules.duplicates.series import Series

    Shingles = frozenset[tuple[str, str, str]]

LEAST = 0.8
"""Of all runs of three words of two samples, the share that both have."""
_LOOKED_AT = 200
_OFTEN = 0.2
_FEW = 10
"""A run of words in a fifth of the samples, and in ten at least, belongs to the form that all of them are written in
(a question around each text, a list of labels to choose from), and says nothing about what two of them share."""
_REMEMBERED = 1 << 16


class Near(NamedTuple):
    position: int
    similarity: float

    @property
    def percent(self) -> int:
        return int(self.similarity * 100)


def nearest(
    series: Series,
    without: Collection[int],
    comparable: Callable[[int, int], bool] = lambda _earlier, _later: True,
    *,
    across: bool = False,
) -> dict[int, Near]:
    """For samples of the file that is judged, the earlier one that is nearest, where one is near enough.

    without: positions that are not looked at. comparable: whether an earlier and a later one may be compared at all.
    across: only with samples of the files before it.
    """
    pairs = alike(series.column(minima), series.own, without, across=across)
    candidates = {
        later: allowed
        for later, earlier in pairs.items()
        if (allowed := [one for one in earlier if comparable(one, later)])
    }
    if not candidates:
        return {}
    compare = _Comparison(series)
    found = {}
    for later, earlier in candidates.items():
        best = max((Near(one, compare(one, later)) for one in sorted(earlier)), key=lambda near: near.similarity)
        if best.similarity >= LEAST:
            found[later] = best
    return found


class _Comparison:
    """The similarity of two samples by their positions."""

    def __init__(self, series: Series) -> None:
        self._series = series
        self._wholes = series.column(digests, WHOLE)
        self._form = self._find_form()
        self._form_key = hash(self._form)
        self._shingles = lru_cache(maxsize=1 << 12)(self._read)

    def __call__(self, one: int, other: int) -> float:
        # In an editor the same pairs are compared again after every keystroke.
        key = (self._wholes[one], self._wholes[other], self._form_key)
        known = _known.get(key)
        if known is None:
            known = jaccard(self._shingles(one), self._shingles(other))
            if len(_known) >= _REMEMBERED:
                _known.clear()
            _known[key] = known
        return known

    def _read(self, position: int) -> Shingles:
        return shingles(words_of(self._series.line(position)).compared) - self._form

    def _find_form(self) -> Shingles:
        """Runs of words that many samples have, as far as some evenly spaced ones tell."""
        step = max(self._series.end // _LOOKED_AT, 1)
        looked_at = range(0, self._series.end, step)
        counts = Counter(
            shingle for position in looked_at for shingle in shingles(words_of(self._series.line(position)).compared)
        )
        often = max(_FEW, _OFTEN * len(looked_at))
        return frozenset(shingle for shingle, count in counts.items() if count >= often)


_known: dict[tuple[int, int, int], float] = {}


def shingles(found: list[str]) -> Shingles:
    """Every run of three words."""
    return frozenset(zip(found, found[1:], found[2:], strict=False))


def jaccard(one: Shingles, other: Shingles) -> float:
    """The share of all runs that both have; 0 where so few are left that they are no text of their own."""
    if min(len(one), len(other)) < FEWEST_WORDS - 2:
        return 0.0
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)
