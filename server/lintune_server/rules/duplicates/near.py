"""Near-duplicates: found by MinHashes, and compared word for word before anything is said of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from lintune_server.rules.duplicates.facts import FEWEST_WORDS, WHOLE, digests, minima, sketch_of, words_of
from lintune_server.rules.duplicates.pairing import LEAST, Search, often, pairs

if TYPE_CHECKING:
    from array import array
    from collections.abc import Collection

    from lintune_server.rules.duplicates.series import Series

    Shingles = frozenset[tuple[str, str, str]]

_LOOKED_AT = 200
_REMEMBERED = 1 << 18


class Near(NamedTuple):
    position: int
    similarity: float

    @property
    def percent(self) -> int:
        return int(self.similarity * 100)


def nearest(
    series: Series, without: Collection[int], *, across: bool = False, apart: array[int] | None = None
) -> dict[int, Near]:
    """For samples of the file that is judged, the earlier one that is nearest, where one is near enough.

    without: positions that are not looked at. across: only with samples of the files before it. apart: a number for
    each position; those with the same one, but for 0, are not compared.
    """
    search = Search(series.column(minima), series.own, without, across, apart)
    candidates = pairs(search)
    if not candidates:
        return {}
    form = _form_of(series)
    if form:
        candidates = pairs(replace(search, form=sketch_of(form).tobytes()))
    compare, least = _Comparison(series, form), max(series.files[-1].surroundings.thresholds.near_duplicate, LEAST)
    found = {}
    for later, earlier in candidates.items():
        best = max((Near(one, compare(one, later)) for one in sorted(earlier)), key=lambda near: near.similarity)
        if best.similarity >= least:
            found[later] = best
    return found


def _form_of(series: Series) -> Shingles:
    """Runs of words that are part of the samples' form, as far as some evenly spaced ones tell."""
    looked_at = range(0, series.end, max(series.end // _LOOKED_AT, 1))
    counts = Counter(
        shingle for position in looked_at for shingle in shingles(words_of(series.line(position)).compared)
    )
    return frozenset(shingle for shingle, count in counts.items() if count >= often(len(looked_at)))


class _Comparison:
    """The similarity of two samples by their positions."""

    def __init__(self, series: Series, form: Shingles) -> None:
        """form: what is left out of all samples."""
        self._series, self._form = series, form
        self._wholes = series.column(digests, WHOLE)
        self._form_key = hash(form)
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
