"""From a problem's spot to a range in the file, and from its remedy to edits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Edit, Fix, Position, Range
from lintune_server.lint.json_source import Kind
from lintune_server.lint.lines import BOM
from lintune_server.lint.problems import Columns, Key, LineBreak, LineEnd, Member, Value, WholeFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from lintune_server.lint.problems import Remedy, Spot
    from lintune_server.lint.sample import Line
    from lintune_server.lint.shape import Shape

_BEFORE = f"{BOM} \t\v\f"
"""What may stand before a line's value."""


def on_line(spot: Spot, line: Line) -> Range:
    """The range of a spot within its line, as if that were the first of the file."""
    match spot:
        case Value():
            start, end = _columns(spot, line)
        case Key(path):
            start, end = line.positions.at(path[:-1]).key(str(path[-1]))
        case Member(path):
            start, end = line.positions.at(path[:-1]).with_comma(path[-1])
        case Columns(first, last):
            start, end = first, len(line.text) if last is None else last
        case LineBreak() | LineEnd() | WholeFile():
            start, end = 0, len(line.text)
    return Range(Position(0, start), Position(0, end))


def fix_on_line(remedy: Remedy | None, line: Line) -> Fix | None:
    """A remedy that stays within its line."""
    if remedy is None:
        return None
    edits = tuple(Edit(on_line(change.spot, line), change.text) for change in remedy.changes)
    return Fix(remedy.title, edits, remedy.safe)


def in_file(spot: Spot, number: int, line: Line) -> Range:
    """Where a finding about line `number` is shown; never beyond that line."""
    match spot:
        case LineEnd():
            start, end = max(len(line.text) - 1, 0), len(line.text)
            return Range(Position(number, start), Position(number, end))
        case _:
            place = on_line(spot, line)
            return Range(Position(number, place.start.column), Position(number, place.end.column))


def fix_in_file(
    remedy: Remedy | None, number: int, line: Line, shape: Shape, text_of: Callable[[int], str]
) -> Fix | None:
    """A remedy that may take out whole lines, line ends, or replace the file."""
    if remedy is None:
        return None

    def place(spot: Spot) -> Range:
        match spot:
            case LineBreak(other):
                return _line_with_end(number if other is None else other, shape, text_of)
            case LineEnd(other):
                before = number if other is None else other
                length = len(line.text if other is None else text_of(other))
                return Range(Position(before, length), Position(before + 1, 0))
            case WholeFile():
                return Range(Position(0, 0), Position(shape.lines - 1, len(shape.last)))
            case _:
                return in_file(spot, number, line)

    return Fix(remedy.title, tuple(Edit(place(change.spot), change.text) for change in remedy.changes), remedy.safe)


def _line_with_end(number: int, shape: Shape, text_of: Callable[[int], str]) -> Range:
    if number + 1 < shape.lines:
        return Range(Position(number, 0), Position(number + 1, 0))
    if number == 0:
        return Range(Position(0, 0), Position(0, len(shape.last)))
    # The last line, without a line end of its own: the one before it goes.
    return Range(Position(number - 1, len(text_of(number - 1))), Position(number, len(shape.last)))


def _columns(spot: Value, line: Line) -> tuple[int, int]:
    if not spot.path and spot.start is None:  # the object itself
        text = line.text
        return len(text) - len(text.lstrip(_BEFORE)), len(text.rstrip())
    node = line.positions.at(spot.path)
    if spot.start is None or node.kind is not Kind.STRING:
        return node.start, node.end
    return node.offset(spot.start), node.end - 1 if spot.end is None else node.offset(spot.end)
