"""Finding samples that may be near-duplicates, by their MinHashes.

It is done in two ways that find the same: of few samples in plain Python, of many with numpy, in little memory.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any

from lintune_server.rules.duplicates import grouping
from lintune_server.rules.duplicates.facts import BANDS, ROWS

if TYPE_CHECKING:
    from array import array
    from collections.abc import Collection, Iterator

    import numpy as np

    Array = np.ndarray[Any, Any]
    Pair = tuple[int, int, int]
    """The earlier and the later one, and how many minima they share."""

LEAST = 0.8
"""The similarity from which on samples are near-duplicates."""
_MINIMA = BANDS * ROWS
_NEIGHBOURS = 4
"""In a band's bucket a sample is paired with so many before it, and with the first: a bucket of 5,000 samples that
share some phrases would else make 12 million pairs. A bucket of five or less loses none."""
_COMPARED = 4
"""Earlier samples that each is compared with word for word, at most."""
_ENOUGH = [LEAST * minima - min(2 * sqrt(minima), minima / 2.5) for minima in range(_MINIMA + 1)]
"""Of so many minima, how many a pair has to share to be compared word for word.

Of 64 that are 36, five standard deviations below what a similarity of 0.8 makes: four pairs in a million are lost; of
pairs at 0.4, of which every third shares a band, seven in a thousand are let through. Where a form leaves only a few
minima that tell anything, a little more is lost: of six, one pair in sixty."""
_OFTEN, _FEW = 0.2, 10
"""What a fifth of the samples share, and ten at least, belongs to the form that all of them are written in (a question
around each text, a list of labels to choose from), and says nothing about what two of them have in common."""
_HALF, _LOW = 32, (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Search:
    """What is paired: samples from position `own` on with earlier ones."""

    minima: array[int]
    """The column of that fact."""
    own: int
    without: Collection[int] = ()
    """Positions that are not looked at."""
    across: bool = False
    """Whether only with earlier ones before `own`."""
    apart: array[int] | None = None
    """A number for each sample: those with the same one, but for 0, are not paired."""
    form: bytes = b""
    """Minima of the form of the samples: where a pair has those, they do not count. Empty for none."""

    @property
    def often(self) -> float:
        """Samples, from which on a bucket is that of a form."""
        return often(len(self.minima) // BANDS)


def often(samples: int) -> float:
    """How many of so many samples share what belongs to a form."""
    return max(_FEW, _OFTEN * samples)


def pairs(search: Search) -> dict[int, list[int]]:
    """The earlier samples that each may be a near-duplicate of, likeliest first."""
    many = len(search.minima) > grouping.MANY * BANDS
    best: dict[int, list[int]] = {}
    found = _pairs_of_many(search) if many else _pairs(search)
    for later, _, earlier in sorted((later, -equal, earlier) for earlier, later, equal in found):
        likeliest = best.setdefault(later, [])
        if len(likeliest) < _COMPARED:
            likeliest.append(earlier)
    return best


def _pairs(search: Search) -> list[Pair]:
    sketches, apart = search.minima.tobytes(), search.apart
    found = set()
    for band in range(BANDS):
        for bucket in grouping.groups(search.minima[band::BANDS]):
            members = [one for one in bucket if one not in search.without] if search.without else bucket
            if len(members) >= search.often:
                continue
            own = bisect_left(members, search.own)
            for at in range(max(own, 1), len(members)):
                end = own if search.across else at
                for earlier in {*members[:1], *members[max(end - _NEIGHBOURS, 0) : end]} if end else ():
                    found.add((earlier, members[at]))
    counted = []
    for earlier, later in found:
        if apart is not None and apart[later] and apart[earlier] == apart[later]:
            continue
        one, other = (sketches[at * _MINIMA : (at + 1) * _MINIMA] for at in (earlier, later))
        formal = sum(a == b == c for a, b, c in zip(one, other, search.form, strict=True)) if search.form else 0
        equal = sum(a == b for a, b in zip(one, other, strict=True)) - formal
        if equal >= _ENOUGH[_MINIMA - formal]:
            counted.append((earlier, later, equal))
    return counted


def _pairs_of_many(search: Search) -> list[Pair]:
    import numpy as np

    bands = np.frombuffer(search.minima, np.uint32).reshape(-1, BANDS)
    looked_at = bands.max(axis=1) > 0
    looked_at[np.fromiter(search.without, np.int64, len(search.without))] = False
    rows = np.flatnonzero(looked_at).astype(np.uint64)
    found = np.empty(0, np.int64)  # pairs, each as one number
    count = len(bands)
    for band in range(BANDS):
        # Keys and rows in one number: sorting those is several times faster than a stable sort of the keys.
        ordered = np.sort((bands[rows, band].astype(np.uint64) << _HALF) | rows)
        ordered = ordered[np.searchsorted(ordered, 1 << _HALF) :]  # without the key 0
        kept = [found]
        for earlier, later in _neighbours((ordered & _LOW).astype(np.int64), ordered >> _HALF, search):
            _, enough = _shared(earlier, later, search)
            kept.append(earlier[enough] * count + later[enough])
        found = np.sort(np.concatenate(kept))
        # By hand: numpy's own `unique` takes minutes when millions are equal.
        new: Array = np.ones(len(found), bool)
        new[1:] = found[1:] != found[:-1]
        found = found[new]
    earlier, later = np.divmod(found, count)
    equal, _ = _shared(earlier, later, search)
    ordered_pairs = np.stack((earlier, later, equal), axis=1)[np.lexsort((earlier, -equal, later))]
    best = np.ones(len(ordered_pairs), bool)
    best[_COMPARED:] = ordered_pairs[_COMPARED:, 1] != ordered_pairs[:-_COMPARED, 1]
    return [(earlier, later, equal) for earlier, later, equal in ordered_pairs[best].tolist()]


def _neighbours(members: Array, keys: Array, search: Search) -> Iterator[tuple[Array, Array]]:
    """Pairs of members of the same bucket. keys: of the members, sorted; equal ones are a bucket."""
    import numpy as np

    at = np.arange(len(members))
    begins = np.ones(len(members), bool)
    begins[1:] = keys[1:] != keys[:-1]
    first = np.maximum.accumulate(np.where(begins, at, 0))
    sizes = np.diff(np.append(np.flatnonzero(begins), len(members)))
    usual = np.repeat(sizes < search.often, sizes)
    last = np.maximum.accumulate(np.where(members < search.own, at, -1)) if search.across else at - 1
    judged = np.flatnonzero((members >= search.own) & (last >= first) & usual)
    first, last = first[judged], last[judged]
    for distance in range(_NEIGHBOURS):
        near = last - distance >= first
        if not near.any():
            return
        yield members[last[near] - distance], members[judged[near]]
    far = last - _NEIGHBOURS >= first
    yield members[first[far]], members[judged[far]]


def _shared(earlier: Array, later: Array, search: Search) -> tuple[Array, Array]:
    """How many minima each pair shares, and whether that is enough. In steps, so that millions take little memory."""
    import numpy as np

    sketches = np.frombuffer(search.minima, np.uint8).reshape(-1, _MINIMA)
    form = np.frombuffer(search.form, np.uint8) if search.form else None
    shared, formal = np.zeros(len(earlier), np.int64), np.zeros(len(earlier), np.int64)
    step = 1 << 18
    for start in range(0, len(earlier), step):
        part = slice(start, start + step)
        same = sketches[earlier[part]] == (others := sketches[later[part]])
        if form is not None:
            formal[part] = (same & (others == form)).sum(axis=1)
        shared[part] = same.sum(axis=1) - formal[part]
    enough = shared >= np.array(_ENOUGH)[_MINIMA - formal]
    if search.apart is not None:
        numbers = np.frombuffer(search.apart, np.uint64)
        enough &= (numbers[earlier] != numbers[later]) | (numbers[later] == 0)
    return shared, enough
