"""Which samples are the same as an earlier one: to the letter, or but for case, punctuation and white space."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lintune_server.rules.duplicates.content import Key, content_of
from lintune_server.rules.duplicates.facts import WHOLE, digests, exact_digest
from lintune_server.rules.duplicates.grouping import groups
from lintune_server.rules.duplicates.series import before

if TYPE_CHECKING:
    from lintune_server.lint.data_set import DataSet


class LooseCopy(NamedTuple):
    of: int
    to_the_letter: bool
    """Whether its texts are the same, so that only what is not trained on differs."""


def exact_copies(data: DataSet) -> dict[int, int]:
    """From the position of every copy in `before(data)` to that of the first."""
    return {position: group[0] for group in groups(before(data).column(exact_digest)) for position in group[1:]}


def loose_copies(data: DataSet) -> dict[int, LooseCopy]:
    """The same of samples of this file that are no exact copies."""
    series, exact = before(data), data.once(exact_copies)
    found: dict[int, LooseCopy] = {}
    for group in groups(series.column(digests, WHOLE)):
        alike = [position for position in group if position not in exact]
        if len(alike) < 2 or alike[-1] < series.own:
            continue
        # What has the same words may still differ in a sign: `3 + 4` and `3 - 4`.
        first: dict[Key, tuple[int, tuple[str, ...]]] = {}
        for position in alike:
            content = content_of(series.line(position))
            earlier, texts = first.setdefault(content.whole, (position, content.texts))
            if earlier != position and position >= series.own:
                found[position] = LooseCopy(earlier, texts == content.texts)
    return found
