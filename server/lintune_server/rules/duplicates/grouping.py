"""Finding equal numbers in a column."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from array import array

MANY = 1 << 14
"""Samples from which on numpy is worth the tenth of a second that it takes to load."""


def groups(column: array[int]) -> list[list[int]]:
    """The positions of every number that is there more than once, 0 aside; in the order of their first ones."""
    if len(column) > MANY:
        return _groups_of_many(column)
    often = {value for value, count in Counter(column).items() if count > 1 and value}
    found: dict[int, list[int]] = {}
    if often:
        for position, value in enumerate(column):
            if value in often:
                found.setdefault(value, []).append(position)
    return list(found.values())


def _groups_of_many(column: array[int]) -> list[list[int]]:
    """The same in little memory."""
    import numpy as np

    values = np.frombuffer(column, column.typecode)
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    lengths = np.diff(np.append(starts, len(ordered)))
    often = np.flatnonzero((lengths > 1) & (ordered[starts] != 0))
    found = [order[starts[at] : starts[at] + lengths[at]].tolist() for at in often]
    return sorted(found)
