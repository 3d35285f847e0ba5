"""A data set in numbers: tokens of its samples, who says how much, what a limit on the length would cut."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from lintune_server.lint.label_set import answer_label, closed_labels
from lintune_server.lint.sample import Line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lintune_server.lint.scanning import Scan

_BUCKETS = 12
_STEPS = (1, 2, 2.5, 5)
"""Widths of buckets that people read with ease, times a power of ten."""


class Spread(NamedTuple):
    """Of some counts. The percentiles are counts that occur: the smallest that so many are not over."""

    total: int
    mean: float
    least: int
    median: int
    p90: int
    p95: int
    p99: int
    most: int


class Bucket(NamedTuple):
    """How many are from `start` to `end`, which is not among them; None for the last, which has no end."""

    start: int
    end: int | None
    samples: int


class Cut(NamedTuple):
    """What a `sequence_len` would make of the samples."""

    sequence_len: int
    samples: int
    """How many are longer."""
    tokens: int
    """All of theirs, which are lost when they are dropped."""
    trained_tokens: int
    beyond: int
    """Tokens behind the limit, which are lost when they are cut."""


@dataclass(slots=True)
class OfRole:
    texts: int = 0
    characters: int = 0
    learned: int = 0
    """How many of the texts are learned."""


@dataclass(slots=True)
class Statistics:
    samples: int
    tokens: Sequence[int]
    """Of each sample that could be counted."""
    trained_tokens: Sequence[int]
    """Of the same samples."""
    roles: dict[str, OfRole] = field(default_factory=dict)
    """By role; `text` for raw text, `unknown` for a role that is none."""
    labels: Counter[str] | None = None
    """How often each answer is given, when the answers are a closed set."""


def of(scan: Scan) -> Statistics:
    """Reads every sample of the file once more."""
    part = scan.part
    counted = [index for index, tokens in enumerate(part.tokens) if tokens]
    found = Statistics(
        len(scan.data),
        [part.tokens[index] for index in counted],
        [part.trained_tokens[index] for index in counted],
    )
    labels: list[str | None] = []
    for number in part.samples:
        line = Line(scan.lines.text(number), scan.data.surroundings)
        labels.append(answer_label.of(line))
        unnamed = "unknown" if line.layout is None or line.layout.templated else "text"
        for text in line.texts:
            role = found.roles.setdefault(text.role or unnamed, OfRole())
            role.texts += 1
            role.characters += len(text.text)
            role.learned += text.learned
    found.labels = closed_labels(labels)
    return found


def spread(values: Sequence[int]) -> Spread | None:
    """None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    total = sum(ordered)
    return Spread(
        total,
        total / len(ordered),
        ordered[0],
        percentile(ordered, 0.5),
        percentile(ordered, 0.9),
        percentile(ordered, 0.95),
        percentile(ordered, 0.99),
        ordered[-1],
    )


def percentile(ordered: Sequence[int], share: float) -> int:
    """The smallest of some numbers, in their order, that so large a share of them does not exceed."""
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def histogram(values: Sequence[int]) -> list[Bucket]:
    """In buckets of one width, with the few that are far longer than the rest in the last one."""
    of_all = spread(values)
    if of_all is None:
        return []
    lowest = of_all.least
    width = _width(max(of_all.p99 - lowest, 1) / _BUCKETS)
    start = lowest // width * width
    counts = Counter(min((value - start) // width, _BUCKETS + 1) for value in values)
    last = max(counts)
    buckets = [Bucket(start + index * width, start + (index + 1) * width, counts[index]) for index in range(last + 1)]
    if last == _BUCKETS + 1:
        buckets[-1] = buckets[-1]._replace(end=None)
    return buckets


def _width(least: float) -> int:
    """The first round number that is no less."""
    power = 1
    while True:
        for step in _STEPS:
            width = step * power
            if width >= least and width == int(width):
                return int(width)
        power *= 10


def cuts(tokens: Sequence[int], trained_tokens: Sequence[int], limits: Iterable[int]) -> Iterator[Cut]:
    for limit in limits:
        longer = [(count, trained) for count, trained in zip(tokens, trained_tokens, strict=True) if count > limit]
        yield Cut(
            limit,
            len(longer),
            sum(count for count, _ in longer),
            sum(trained for _, trained in longer),
            sum(count - limit for count, _ in longer),
        )


def limits_of(tokens: Sequence[int], sequence_len: int | None) -> list[int]:
    """The powers of two from the one under most samples to the one over all, and the recipe's own limit."""
    of_all = spread(tokens)
    if of_all is None:
        return []
    first = max(of_all.median.bit_length() - 1, 4)
    last = max((of_all.most - 1).bit_length(), first)
    found = {1 << power for power in range(first, last + 1)}
    return sorted(found | ({sequence_len} if sequence_len else set()))
