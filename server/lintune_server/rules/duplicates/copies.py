"""Which samples are the same as an earlier one: to the letter, or but for case, punctuation and white space."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.rules.duplicates.content import Key, content_of
from lintune_server.rules.duplicates.facts import WHOLE, digests, exact_digest
from lintune_server.rules.duplicates.grouping import groups
from lintune_server.rules.duplicates.series import before

if TYPE_CHECKING:
    from lintune_server.lint.data_set import DataSet


def exact_copies(data: DataSet) -> dict[int, int]:
    """From the position of every copy in `before(data)` to that of the first."""
    return {position: group[0] for group in groups(before(data).column(exact_digest)) for position in group[1:]}


def loose_copies(data: DataSet) -> dict[int, int]:
    """The same of samples of this file that are no exact copies."""
    series, exact = before(data), data.once(exact_copies)
    found: dict[int, int] = {}
    for group in groups(series.column(digests, WHOLE)):
        alike = [position for position in group if position not in exact]
        if len(alike) < 2 or alike[-1] < series.own:
            continue
        # What has the same words may still differ in a sign: `3 + 4` and `3 - 4`.
        first: dict[Key, int] = {}
        for position in alike:
            earlier = first.setdefault(content_of(series.line(position)).whole, position)
            if earlier != position and position >= series.own:
                found[position] = earlier
    return found
