"""The losses of two runs as an SVG that is readable on light and on dark ground: a page cannot tell which it gets."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lintune_schemas.loss_curve import thinned

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lintune_schemas.loss_curve import LossCurve, Point

_WIDTH, _HEIGHT = 720, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 16, 34, 34
_POINTS = 400
_TICKS = 5
_COLOURS = {"A": "#3b8eea", "B": "#e07b39"}
"""Blue and orange: told apart by most who do not see all colours, and 3 : 1 against both white and black."""
_INK = "#8a8a8a"


def draw(a: LossCurve, b: LossCurve) -> str | None:
    """A line of the smoothed training loss and dots of the evaluations for each; None without any loss."""
    shown = [("A", a.smoothed, a.evaluation), ("B", b.smoothed, b.evaluation)]
    points = [point for _, train, evaluation in shown for point in (*train, *evaluation)]
    if not points:
        return None
    place = _Scale(points)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" font-family="system-ui, sans-serif" font-size="12" fill="{_INK}">',
        *place.axes(),
        *_legend(),
    ]
    for name, train, evaluation in shown:
        lines += _curve(place, _COLOURS[name], train, evaluation)
    return "\n".join([*lines, "</svg>", ""])


class _Scale:
    """Where a loss at a step stands. Losses stand by their logarithms where they go over a decade."""

    def __init__(self, points: Sequence[Point]) -> None:
        losses = [point.loss for point in points]
        self._last = max(max(point.step for point in points), 1)
        self._logarithmic = min(losses) > 0 and max(losses) / min(losses) > 10
        low, high = self._value(min(losses)), self._value(max(losses))
        room = (high - low) * 0.06 or 0.5
        self._low, self._high = low - room, high + room

    def x(self, step: float) -> float:
        return round(_LEFT + step / self._last * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(self, loss: float) -> float:
        share = (self._value(loss) - self._low) / (self._high - self._low)
        return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM), 1)

    def axes(self) -> Iterator[str]:
        for loss in self._losses():
            y = self.y(loss)
            yield f'<path d="M{_LEFT} {y}H{_WIDTH - _RIGHT}" stroke="{_INK}" stroke-opacity=".3"/>'
            yield f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{loss:g}</text>'
        for step in _round_steps(0, self._last):
            yield f'<text x="{self.x(step)}" y="{_HEIGHT - 12}" text-anchor="middle">{step:,.0f}</text>'

    def _losses(self) -> list[float]:
        if not self._logarithmic:
            return _round_steps(self._low, self._high)
        powers = range(math.floor(self._low), math.ceil(self._high) + 1)
        each = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
        return [loss for loss in each if self._low <= math.log10(loss) <= self._high]

    def _value(self, loss: float) -> float:
        return math.log10(loss) if self._logarithmic else loss


def _round_steps(low: float, high: float) -> list[float]:
    """Round numbers from low to high, some five of them."""
    rough = max(high - low, 1e-9) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    first = math.ceil(low / step)
    return [round(number * step, 10) for number in range(first, math.floor(high / step) + 1)]


def _legend() -> Iterator[str]:
    x = _LEFT
    for name, colour in _COLOURS.items():
        yield f'<path d="M{x} 14h22" stroke="{colour}" stroke-width="2"/>'
        yield f'<circle cx="{x + 11}" cy="14" r="4" fill="{colour}"/>'
        yield f'<text x="{x + 30}" y="18">{name}</text>'
        x += 64
    yield f'<text x="{x}" y="18">line: training, smoothed · dots: evaluation</text>'


def _curve(place: _Scale, colour: str, train: Sequence[Point], evaluation: Sequence[Point]) -> Iterator[str]:
    if train:
        path = " ".join(f"{place.x(step)},{place.y(loss)}" for step, loss in thinned(train, _POINTS))
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
    for step, loss in thinned(evaluation, _POINTS):
        yield f'<circle cx="{place.x(step)}" cy="{place.y(loss)}" r="4" fill="{colour}"/>'
