"""Finding what is equal in a column of numbers, and what is nearly equal in one of MinHashes.

Both are done in two ways: of few samples in plain Python, since numpy alone takes longer to load than all of that; of
many with numpy, in little memory. They find the same.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from operator import eq
from typing import TYPE_CHECKING, Any

from lintune_server.rules.duplicates.facts import BANDS, ROWS

if TYPE_CHECKING:
    from array import array
    from collections.abc import Collection, Iterator

    import numpy as np

_MANY = 1 << 14
_NEIGHBOURS = 8
"""In a band's bucket a sample is paired with so many before it, and with the first: a bucket of 5,000 samples that
share some phrases would else make 12 million pairs. A bucket of nine or less loses none."""
_COMPARED = 4
"""Earlier samples that each is compared with, at most."""
_LEAST_EQUAL = 36
"""Of 64 minima, that a pair must share to be compared. At a similarity of 0.8 that are 51 ± 3.2, and four pairs in a
million are lost; of pairs at 0.4, of which every third shares a band, seven in a thousand are let through."""
_HALF, _LOW = 32, (1 << 32) - 1


def groups(column: array[int]) -> list[list[int]]:
    """The positions of every number that is there more than once, 0 aside; in the order of their first ones."""
    if len(column) > _MANY:
        return _groups_of_many(column)
    often = {value for value, count in Counter(column).items() if count > 1 and value}
    found: dict[int, list[int]] = {}
    if often:
        for position, value in enumerate(column):
            if value in often:
                found.setdefault(value, []).append(position)
    return list(found.values())


def alike(minima: array[int], own: int, without: Collection[int] = (), *, across: bool = False) -> dict[int, list[int]]:
    """For samples from position `own` on, the earlier ones that may be near-duplicates, likeliest first.

    minima: the column of that fact. without: positions that are not looked at. across: only earlier ones before `own`.
    """
    find = _pairs_of_many if len(minima) > _MANY * BANDS else _pairs
    pairs = find(minima, own, without, across)
    found: dict[int, list[int]] = {}
    for later, _, earlier in sorted((later, -equal, earlier) for earlier, later, equal in pairs):
        likeliest = found.setdefault(later, [])
        if len(likeliest) < _COMPARED:
            likeliest.append(earlier)
    return found


def _groups_of_many(column: array[int]) -> list[list[int]]:
    import numpy as np

    values = np.frombuffer(column, column.typecode)
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    lengths = np.diff(np.append(starts, len(ordered)))
    often = np.flatnonzero((lengths > 1) & (ordered[starts] != 0))
    found = [order[starts[at] : starts[at] + lengths[at]].tolist() for at in often]
    return sorted(found)


def _pairs(minima: array[int], own: int, without: Collection[int], across: bool) -> list[tuple[int, int, int]]:
    sketches, size = minima.tobytes(), BANDS * ROWS
    found = set()
    for band in range(BANDS):
        for bucket in groups(minima[band::BANDS]):
            members = [position for position in bucket if position not in without] if without else bucket
            first_own = bisect_left(members, own)
            for at in range(max(first_own, 1), len(members)):
                end = first_own if across else at
                for earlier in {*members[:1], *members[max(end - _NEIGHBOURS, 0) : end]} if end else ():
                    found.add((earlier, members[at]))
    counted = []
    for earlier, later in found:
        one, other = (sketches[position * size : (position + 1) * size] for position in (earlier, later))
        equal = sum(map(eq, one, other))
        if equal >= _LEAST_EQUAL:
            counted.append((earlier, later, equal))
    return counted


def _pairs_of_many(minima: array[int], own: int, without: Collection[int], across: bool) -> list[tuple[int, int, int]]:
    import numpy as np

    bands = np.frombuffer(minima, np.uint32).reshape(-1, BANDS)
    sketches = bands.view(np.uint8)
    looked_at = bands.max(axis=1) > 0
    looked_at[np.fromiter(without, np.int64, len(without))] = False
    rows = np.flatnonzero(looked_at).astype(np.uint64)
    found = np.empty(0, np.int64)  # pairs, each as one number
    count = len(bands)
    for band in range(BANDS):
        # Keys and rows in one number: sorting those is several times faster than a stable sort of the keys.
        ordered = np.sort((bands[rows, band].astype(np.uint64) << _HALF) | rows)
        ordered = ordered[np.searchsorted(ordered, 1 << _HALF) :]  # without the key 0
        members, keys = (ordered & _LOW).astype(np.int64), ordered >> _HALF
        kept = [found]
        for earlier, later in _neighbours(members, keys, own, across):
            near = _equal_minima(sketches, earlier, later) >= _LEAST_EQUAL
            kept.append(earlier[near] * count + later[near])
        found = np.sort(np.concatenate(kept))
        # By hand: numpy's own `unique` takes minutes when millions are equal.
        new: np.ndarray[Any, Any] = np.ones(len(found), bool)
        new[1:] = found[1:] != found[:-1]
        found = found[new]
    earlier, later = np.divmod(found, count)
    equal = _equal_minima(sketches, earlier, later)
    pairs = np.stack((earlier, later, equal), axis=1)[np.lexsort((earlier, -equal, later))]
    best = np.ones(len(pairs), bool)
    best[_COMPARED:] = pairs[_COMPARED:, 1] != pairs[:-_COMPARED, 1]
    return [(earlier, later, equal) for earlier, later, equal in pairs[best].tolist()]


def _neighbours(
    members: np.ndarray[Any, Any], keys: np.ndarray[Any, Any], own: int, across: bool
) -> Iterator[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    """Pairs of members of the same bucket. keys: of the members, sorted; equal ones are a bucket."""
    import numpy as np

    at = np.arange(len(members))
    begins = np.ones(len(members), bool)
    begins[1:] = keys[1:] != keys[:-1]
    first = np.maximum.accumulate(np.where(begins, at, 0))
    last = np.maximum.accumulate(np.where(members < own, at, -1)) if across else at - 1
    judged = np.flatnonzero((members >= own) & (last >= first))
    first, last = first[judged], last[judged]
    for distance in range(_NEIGHBOURS):
        near = last - distance >= first
        if not near.any():
            return
        yield members[last[near] - distance], members[judged[near]]
    far = last - _NEIGHBOURS >= first
    yield members[first[far]], members[judged[far]]


def _equal_minima(
    sketches: np.ndarray[Any, Any], earlier: np.ndarray[Any, Any], later: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """How many minima each pair shares. In steps, so that millions of pairs take little memory."""
    import numpy as np

    step = 1 << 18
    parts = [
        (sketches[earlier[at : at + step]] == sketches[later[at : at + step]]).sum(axis=1)
        for at in range(0, len(earlier), step)
    ]
    return np.concatenate(parts) if parts else np.empty(0, np.int64)
