"""From a problem's spot in a sample to a range in the file, and from its remedy to edits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Edit, Fix, Position, Range
from lintune_server.lint.json_source import Kind, StringOffsets
from lintune_server.lint.problems import Columns, LineBreak, Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_server.lint.problems import Remedy, Spot
    from lintune_server.lint.sample import Line


def on_line(spot: Spot, line: Line) -> Range:
    """The range of a spot, as if its line were the first of the file."""
    match spot:
        case Value():
            start, end = _columns(spot, line)
        case Columns(first, last):
            start, end = first, len(line.text) if last is None else last
        case LineBreak():
            start, end = 0, len(line.text)
    return Range(Position(0, start), Position(0, end))


def fix_on_line(remedy: Remedy | None, line: Line) -> Fix | None:
    """A remedy that stays within its line."""
    if remedy is None:
        return None
    edits = tuple(Edit(on_line(change.spot, line), change.text) for change in remedy.changes)
    return Fix(remedy.title, edits, remedy.safe)


def fix_in_file(remedy: Remedy | None, number: int, lines: Sequence[str]) -> Fix | None:
    """A remedy that takes whole lines out."""
    if remedy is None:
        return None
    whole = _line_with_end(number, lines)
    return Fix(remedy.title, tuple(Edit(whole, change.text) for change in remedy.changes), remedy.safe)


def _line_with_end(number: int, lines: Sequence[str]) -> Range:
    if number + 1 < len(lines):
        return Range(Position(number, 0), Position(number + 1, 0))
    if number == 0:
        return Range(Position(0, 0), Position(0, len(lines[0])))
    # The last line, without a line end of its own: the one before it goes.
    return Range(Position(number - 1, len(lines[number - 1])), Position(number, len(lines[number])))


def _columns(spot: Value, line: Line) -> tuple[int, int]:
    node = line.positions.at(spot.path)
    if spot.start is None or node.kind is not Kind.STRING:
        return node.start, node.end
    offsets = StringOffsets(line.text[node.start : node.end], node.start)
    end = spot.end
    return offsets.raw(spot.start), node.end - 1 if end is None else offsets.raw(end)
