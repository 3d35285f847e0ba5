"""Confidence intervals by the bootstrap: the samples are drawn again and again, with replacement, and the figures of
each draw say how much those of another eval set of the same kind would differ.

Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13 (percentile intervals).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

CONFIDENCE = 0.95
DRAWS = 5_000
"""With 1,000 the ends of an interval still differ from seed to seed by some percent of its width (Efron and Tibshirani,
section 14.6); this many take half a second for 1,000 samples."""
_AT_ONCE = 1 << 22
"""Counts of samples that are held at a time: 32 MB."""


class Interval(NamedTuple):
    value: float
    low: float
    high: float


class Ratio(NamedTuple):
    """A figure that is a sum over samples by another: a mean, or a loss over all tokens.

    Both lists have an entry a sample; a sample of which the figure says nothing has 0 in both.
    """

    above: Sequence[float]
    below: Sequence[float]


class Compared(NamedTuple):
    base: Interval
    tuned: Interval
    difference: Interval
    """Of tuned - base, with the same samples drawn for both."""


class Asked(NamedTuple):
    """A figure of two models."""

    base: Ratio
    tuned: Ratio
    bounds: tuple[float, float] | None = None
    """Between which the value of every single sample is; None when there are no such bounds."""
    of: Callable[[Numbers], Numbers] | None = None
    """What the figure is of the ratio, as perplexity is e to the loss."""


def compare(figures: Sequence[Asked], seed: int, draws: int = DRAWS) -> list[Compared]:
    """Both models' intervals, and that of their difference. Each figure is about at least one sample.

    The interval of a figure has its value at or between its ends, but for rare figures of few samples.
    """
    above, below = (
        np.array([[ratio[part] for ratio in (asked.base, asked.tuned)] for asked in figures], dtype=np.float64)
        for part in (0, 1)
    )  # [figures, models, samples]
    samples = above.shape[2]
    flat = above.reshape(-1, samples).T, below.reshape(-1, samples).T
    found = []
    for counts in _draws(samples, seed, draws):
        with np.errstate(invalid="ignore"):  # a draw without any sample that a figure is about: it does not count
            found.append((counts @ flat[0]) / (counts @ flat[1]))
    drawn = np.concatenate(found).reshape(draws, len(figures), 2)
    whole = above.sum(2) / below.sum(2)
    return [
        _compared(asked, whole[number], drawn[:, number, :], above[number], below[number])
        for number, asked in enumerate(figures)
    ]


def _draws(samples: int, seed: int, draws: int) -> Iterator[Numbers]:
    """How often each sample is in each of the draws: [draws, samples], in parts."""
    random = np.random.default_rng(seed)
    share = np.full(samples, 1 / samples)
    size = max(_AT_ONCE // samples, 1)
    for start in range(0, draws, size):
        yield random.multinomial(samples, share, size=min(size, draws - start)).astype(np.float64)


def _compared(asked: Asked, whole: Numbers, drawn: Numbers, above: Numbers, below: Numbers) -> Compared:
    if asked.of is not None:
        whole, drawn = asked.of(whole), asked.of(drawn)
    measured = below[0] > 0
    single = above[:, measured] / below[:, measured]  # [models, samples]
    low, high = asked.bounds or (None, None)
    base, tuned = (_interval(whole[model], drawn[:, model], single[model], low, high) for model in (0, 1))
    span = None if low is None or high is None else high - low
    difference = _interval(
        whole[1] - whole[0],
        drawn[:, 1] - drawn[:, 0],
        single[1] - single[0],
        None if span is None else -span,
        span,
    )
    return Compared(base, tuned, difference)


def _interval(value: float, drawn: Numbers, single: Numbers, low: float | None, high: float | None) -> Interval:
    """The percentiles of the draws.

    Where all samples agree there is nothing to draw from, and the percentiles would be one point, as if that were
    certain. Then the interval says what so many equal samples do: that others are at most a share of 1 - 0.025^(1/n)
    (Clopper and Pearson 1934), each of which could be at either bound.
    """
    if low is not None and high is not None and np.all(single == single[0]):
        others = 1 - ((1 - CONFIDENCE) / 2) ** (1 / len(single))
        return Interval(float(value), float(value - others * (value - low)), float(value + others * (high - value)))
    ends = np.nanpercentile(drawn, [50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE)])
    return Interval(float(value), float(ends[0]), float(ends[1]))
