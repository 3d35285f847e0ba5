"""The pictures of a report, as numbers: where things stand on a canvas. The page's template draws them as SVG."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintune_schemas.run_evaluation import Mark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_schemas.evaluation_report import Figure, Interval, Sample

MARKS = (Mark.STILL_RIGHT, Mark.FIXED, Mark.BROKEN, Mark.STILL_WRONG)
"""In the order in which they are shown: what the tuned model has right, and what it has not."""
_WIDTH = 640
_LEFT, _RIGHT = 150, 24
_ROW = 44
_SQUARE = 320
_MARGIN = 48
_TICKS = (1, 2, 5)
_SMALLEST = 1e-3
"""Nats a token: losses below are drawn there. What is that certain differs by rounding."""
_DRAWN = 2_000
"""Points, at most: more than that cannot be told apart in so small a picture."""


@dataclass(frozen=True, slots=True)
class Whisker:
    """A value with its interval: x of its ends and itself."""

    low: float
    value: float
    high: float
    y: float
    model: str


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    y: float
    whiskers: tuple[Whisker, Whisker]


@dataclass(frozen=True, slots=True)
class Intervals:
    """Every metric between 0 and 1, base above tuned."""

    rows: tuple[Row, ...]
    ticks: tuple[tuple[float, str], ...]
    left: float
    right: float
    height: float
    width: float = _WIDTH


@dataclass(frozen=True, slots=True)
class Part:
    mark: Mark
    count: int
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Dot:
    x: float
    y: float
    mark: Mark | None
    title: str


@dataclass(frozen=True, slots=True)
class Losses:
    """Each sample's loss by the base model (across) and by the tuned one (up), on logarithmic scales."""

    dots: tuple[Dot, ...]
    ticks: tuple[tuple[float, float, str], ...]
    """x, y and what stands there: the same on both scales."""
    first: float
    last: float
    lower: int
    """How many samples the tuned model has a lower loss on."""
    count: int
    size: float = _SQUARE + 2 * _MARGIN


def intervals(figures: Sequence[Figure]) -> Intervals | None:
    """None when nothing was measured between 0 and 1."""
    shown = [figure for figure in figures if figure.unit in ("share", "score")]
    if not shown:
        return None
    rows = []
    for number, figure in enumerate(shown):
        y = number * _ROW + _ROW / 2 + 8
        base, tuned = _whisker(figure.base, y - 7, "base"), _whisker(figure.tuned, y + 7, "tuned")
        rows.append(Row(figure.title, y, (base, tuned)))
    ticks = tuple((_x(tenth / 10), f"{tenth * 10}") for tenth in range(0, 11, 2))
    return Intervals(tuple(rows), ticks, _x(0), _x(1), len(rows) * _ROW + 40)


def marks(counted: dict[Mark, int]) -> list[Part]:
    """Parts of a bar whose width is 1; none without a mark."""
    total = sum(counted.values())
    parts, x = [], 0.0
    for mark in MARKS:
        if count := counted.get(mark, 0):
            parts.append(Part(mark, count, round(x, 4), round(count / total, 4)))
            x += count / total
    return parts


def losses(samples: Sequence[Sample]) -> Losses | None:
    """None when no sample has both losses."""
    found = [
        (max(sample.base.loss, _SMALLEST), max(sample.tuned.loss, _SMALLEST), sample)
        for sample in samples
        if sample.base.loss is not None and sample.tuned.loss is not None
    ]
    if not found:
        return None
    low = math.log10(min(min(base, tuned) for base, tuned, _ in found)) - 0.08
    high = math.log10(max(max(base, tuned) for base, tuned, _ in found)) + 0.08
    if high - low < 0.5:
        low, high = low - 0.25, high + 0.25

    def place(loss: float) -> float:
        return round((math.log10(loss) - low) / (high - low) * _SQUARE, 1)

    every = -(-len(found) // _DRAWN)
    dots = tuple(
        Dot(
            _MARGIN + place(base),
            _MARGIN + _SQUARE - place(tuned),
            sample.mark,
            f"{sample.path}:{sample.line}: {base:.3g} → {tuned:.3g}",
        )
        for base, tuned, sample in found[::every]
    )
    ticks = tuple(
        (_MARGIN + place(loss), _MARGIN + _SQUARE - place(loss), f"{loss:g}") for loss in _log_ticks(low, high)
    )
    lower = sum(tuned < base for base, tuned, _ in found)
    return Losses(dots, ticks, _MARGIN, _MARGIN + _SQUARE, lower, len(found))


def _log_ticks(low: float, high: float) -> list[float]:
    """Round losses between two powers of ten: 1, 2 and 5 of each, or the powers alone where there are many."""
    steps = _TICKS if high - low < 2 else (1,)
    powers = range(math.floor(low), math.ceil(high) + 1)
    return [step * 10.0**power for power in powers for step in steps if low <= math.log10(step * 10.0**power) <= high]


def _whisker(interval: Interval, y: float, model: str) -> Whisker:
    return Whisker(_x(interval.low), _x(interval.value), _x(interval.high), y, model)


def _x(share: float) -> float:
    return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)
