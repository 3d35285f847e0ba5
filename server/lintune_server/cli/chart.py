"""Curves in a terminal: lines in Braille dots, of which a cell has two by four, or in letters where there are none.

What the libraries for this draw cannot be told apart without colours, and has no plain ASCII; the one that is kept up
(plotext 6) is compiled, and not for every machine that Lintune runs on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintune_schemas.loss_curve import Point, thinned

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lintune_server.cli.terminal import Look

_ROWS = 12
"""About how many lines a chart has: as many as give the same to each step of its scale."""
_LEFT, _RIGHT = 8, 3
"""Columns of what stands beside the curves: losses and an axis; names of lines."""
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Bits of the Braille pattern: by column, then by row."""
_BRAILLE = 0x2800


@dataclass(frozen=True, slots=True)
class Series:
    """Points to draw: as a line, or with a mark at each."""

    points: Sequence[Point]
    colour: str
    """As `Look.paint` takes it."""
    mark: str = ""
    name: str = ""
    """Of a line: written at its end. Where there is no Braille, the line is made of it."""
    level: bool = False
    """With a mark: all across the chart, at the height of the first point."""


def draw(series: Sequence[Series], look: Look, *, ascii_only: bool) -> Iterator[str]:
    """The lines of a chart; none without a point. What comes later in `series` is drawn over what comes before."""
    points = [point for each in series for point in each.points]
    if not points:
        return
    canvas = _Canvas(points, look.width - _LEFT - _RIGHT, (1, 1) if ascii_only else (2, 4))
    for each in series:
        if each.mark:
            canvas.put(each)
        else:
            canvas.draw(each)
    yield from canvas.lines(look)


class _Canvas:
    def __init__(self, points: Sequence[Point], columns: int, dots: tuple[int, int]) -> None:
        """columns: of the drawing. dots: of a cell, across and down."""
        self._columns = columns
        self._across, self._down = dots
        self._first = min(point.step for point in points)
        self._last = max(max(point.step for point in points), self._first + 1)
        losses = [point.loss for point in points]
        self._tick = _round_step((max(losses) - min(losses)) or abs(max(losses)) or 1.0, 5)
        self._low = math.floor(min(losses) / self._tick) * self._tick
        self._high = max(math.ceil(max(losses) / self._tick) * self._tick, self._low + self._tick)
        self._ticks = round((self._high - self._low) / self._tick)
        self._rows = max(_ROWS // self._ticks, 1) * self._ticks + 1
        self._dots: dict[tuple[int, int], int] = {}
        self._texts: dict[tuple[int, int], str] = {}
        self._colours: dict[tuple[int, int], str] = {}

    def draw(self, line: Series) -> None:
        before: tuple[int, int] | None = None
        for point in thinned(line.points, 4 * self._columns * self._across):
            at = self._dot(point)
            for x, y in _between(before or at, at):
                cell = (x // self._across, y // self._down)
                if self._down == 1:
                    self._texts[cell] = line.name or "."
                else:
                    self._texts.pop(cell, None)
                    self._dots[cell] = self._dots.get(cell, 0) | _DOTS[x % 2][y % 4]
                self._colours[cell] = line.colour
            before = at
        if before and line.name:
            end = (self._columns, before[1] // self._down)
            while end in self._texts:  # beside the name of a line that ends there, too
                end = (end[0] + 1, end[1])
            self._texts[end], self._colours[end] = line.name, line.colour

    def put(self, marks: Series) -> None:
        cells = [(x // self._across, y // self._down) for x, y in map(self._dot, marks.points)]
        if marks.level:
            cells = [(column, cells[0][1]) for column in range(self._columns)]
        for cell in cells:
            self._texts[cell], self._colours[cell] = marks.mark, marks.colour

    def lines(self, look: Look) -> Iterator[str]:
        plain = self._down == 1
        corner, across, axis, tick = ("+", "-", "|", "+") if plain else ("└", "─", "│", "┤")
        losses = (self._low + number * self._tick for number in range(self._ticks + 1))
        labels = {self._row(loss): loss for loss in losses}
        decimals = max(-math.floor(math.log10(self._tick)), 0)
        for row in range(self._rows):
            label = f"{labels[row]:.{decimals}f}" if row in labels else ""
            label = label if len(label) <= _LEFT - 2 else f"{labels[row]:.0e}"
            cells = "".join(self._cell((column, row), look) for column in range(self._columns + _RIGHT))
            yield f"{label:>{_LEFT - 2}} {tick if label else axis}{cells}".rstrip()
        yield f"{'':{_LEFT - 1}}{corner}{across * self._columns}"
        yield f"{'':{_LEFT}}{self._steps()}"

    def _cell(self, cell: tuple[int, int], look: Look) -> str:
        if cell in self._texts:
            return look.paint(self._texts[cell], self._colours[cell])
        return look.paint(chr(_BRAILLE | self._dots[cell]), self._colours[cell]) if cell in self._dots else " "

    def _steps(self) -> str:
        """What stands below the axis: round steps, with `step` behind the last one."""
        line = ""
        each = max(int(_round_step(self._last - self._first, max(self._columns // 12, 1))), 1)
        for step in range(math.ceil(self._first / each) * each, self._last + 1, each):
            column = round((step - self._first) / (self._last - self._first) * (self._columns - 1))
            text = f"{step:,}"
            start = max(column - len(text) // 2, len(line) + 1 if line else 0)
            line = f"{line:<{start}}{text}"
        return f"{line} step" if len(line) + 5 <= self._columns + _RIGHT else line

    def _dot(self, point: Point) -> tuple[int, int]:
        share = (point.step - self._first) / (self._last - self._first)
        height = (self._high - point.loss) / (self._high - self._low)
        return round(share * (self._columns * self._across - 1)), round(height * (self._rows * self._down - 1))

    def _row(self, loss: float) -> int:
        return self._dot(Point(self._first, loss))[1] // self._down


def _between(start: tuple[int, int], end: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """The dots of a straight line, both ends among them."""
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    for number in range(steps + 1):
        share = number / steps
        yield round(start[0] + share * (end[0] - start[0])), round(start[1] + share * (end[1] - start[1]))


def _round_step(span: float, most: int) -> float:
    """1, 2 or 5 times a power of ten, so that at most that many of them are in the span."""
    power = 10.0 ** math.floor(math.log10(span / most))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power * most >= span * (1 - 1e-9))
