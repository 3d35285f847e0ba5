"""Two versions of a data set: which samples are the same, which were edited, which came and went."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from lintune_server.rules.duplicates.facts import BANDS, PROMPT, digests, exact_digest, minima, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lintune_schemas.samples import Path
    from lintune_server.lint.data_set import DataSet

_ALIKE = 0.7
"""Of the words of two samples, the share that both must have for one to be the other, edited. With less, two samples
that are written by one template are taken for versions of each other. What has its prompt still is known by that."""
_CANDIDATES = 50
"""Samples that share a band of minima, or stand between the same neighbours, up to which each is compared."""


class Pair(NamedTuple):
    """Indices of a sample in the old and in the new version."""

    old: int
    new: int


@dataclass(slots=True)
class Comparison:
    same: list[Pair] = field(default_factory=list)
    """But for the order of keys and white space outside strings."""
    edited: list[Pair] = field(default_factory=list)
    added: list[int] = field(default_factory=list)
    removed: list[int] = field(default_factory=list)

    @property
    def moved(self) -> int:
        """How many of the same ones would have to be moved to be in the old order again."""
        order: list[int] = []
        for pair in sorted(self.same, key=lambda pair: pair.old):
            at = bisect_left(order, pair.new)
            order[at : at + 1] = [pair.new]
        return len(self.same) - len(order)


def compare(old: DataSet, new: DataSet) -> Comparison:
    """Match the samples of two versions: those that are the same, those with the same prompt, those that are alike."""
    found = Comparison()
    left, come = list(range(len(old))), list(range(len(new)))

    def match(pairs: Iterable[Pair], into: list[Pair]) -> None:
        nonlocal left, come
        into += pairs
        gone, there = {pair.old for pair in into}, {pair.new for pair in into}
        left = [index for index in left if index not in gone]
        come = [index for index in come if index not in there]

    match(_equal(old.column(exact_digest), left, new.column(exact_digest), come), found.same)
    match(_equal(_prompts(old), left, _prompts(new), come), found.edited)
    match(_alike(old, left, new, come, found.same), found.edited)
    found.edited.sort(key=lambda pair: pair.new)
    found.added, found.removed = come, left
    return found


def changed_fields(old: Any, new: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of what differs between two parsed values: keys and elements that came or went among them."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys((*old, *new)):
            if key in old and key in new:
                yield from changed_fields(old[key], new[key], (*path, key))
            else:
                yield (*path, key)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            if index < min(len(old), len(new)):
                yield from changed_fields(old[index], new[index], (*path, index))
            else:
                yield (*path, index)
    elif type(old) is not type(new) or old != new:
        yield path


def _prompts(data: DataSet) -> Sequence[int]:
    column: Sequence[int] = data.column(digests)[PROMPT::4]
    return column


def _equal(old: Sequence[int], left: Sequence[int], new: Sequence[int], come: Sequence[int]) -> Iterator[Pair]:
    """Pairs with equal digests, in their order; 0 stands for nothing."""
    by_digest: dict[int, deque[int]] = defaultdict(deque)
    for index in left:
        if old[index]:
            by_digest[old[index]].append(index)
    for index in come:
        if by_digest.get(new[index]):
            yield Pair(by_digest[new[index]].popleft(), index)


def _alike(old: DataSet, left: Sequence[int], new: DataSet, come: Sequence[int], same: Sequence[Pair]) -> list[Pair]:
    """The pairs with most words in common, each sample in one at most."""
    words: dict[tuple[int, int], Counter[str]] = {}

    def words_in(which: int, index: int) -> Counter[str]:
        key = (which, index)
        if key not in words:
            found = words_of((old, new)[which].line(index))
            words[key] = Counter(found.system + found.compared)
        return words[key]

    scored = []
    for pair in {*_sharing_a_band(old, left, new, come), *_between_the_same(left, come, same)}:
        one, two = words_in(0, pair.old), words_in(1, pair.new)
        either = (one | two).total()
        share = (one & two).total() / either if either else 1.0
        if share >= _ALIKE:
            scored.append((-share, pair))
    taken: list[Pair] = []
    old_taken, new_taken = set(), set()
    for _, pair in sorted(scored):
        if pair.old not in old_taken and pair.new not in new_taken:
            taken.append(pair)
            old_taken.add(pair.old)
            new_taken.add(pair.new)
    return taken


def _sharing_a_band(old: DataSet, left: Sequence[int], new: DataSet, come: Sequence[int]) -> Iterator[Pair]:
    by_band: dict[tuple[int, int], list[int]] = defaultdict(list)
    for band, minimum, index in _bands(old, left):
        by_band[band, minimum].append(index)
    for band, minimum, index in _bands(new, come):
        there = by_band.get((band, minimum), ())
        if len(there) <= _CANDIDATES:
            yield from (Pair(other, index) for other in there)


def _bands(data: DataSet, indices: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    column = data.column(minima)
    for index in indices:
        for band in range(BANDS):
            if minimum := column[index * BANDS + band]:
                yield band, minimum, index


def _between_the_same(left: Sequence[int], come: Sequence[int], same: Sequence[Pair]) -> Iterator[Pair]:
    """Those that stand behind the same neighbour: a short sample has too few words for bands."""
    olds, news = [pair.old for pair in sorted(same)], [pair.new for pair in sorted(same, key=lambda pair: pair.new)]
    partner = {pair.new: pair.old for pair in same}
    by_neighbour: dict[int, list[int]] = defaultdict(list)
    for index in left:
        at = bisect_left(olds, index)
        by_neighbour[olds[at - 1] if at else -1].append(index)
    behind: dict[int, list[int]] = defaultdict(list)
    for index in come:
        at = bisect_left(news, index)
        behind[partner[news[at - 1]] if at else -1].append(index)
    for neighbour, indices in behind.items():
        there = by_neighbour.get(neighbour, [])
        if len(there) <= _CANDIDATES and len(indices) <= _CANDIDATES:
            yield from (Pair(other, index) for other in there for index in indices)
