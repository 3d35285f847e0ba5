"""From a column in a sample's line to where that is shown in its document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lintune_server.lint import json_source
from lintune_server.lint.findings import Position, Range
from lintune_server.sample_text import escapes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_schemas.samples import Path
    from lintune_server.lint.json_source import Node
    from lintune_server.sample_text.reading import Place, Read


def in_document(read: Read, document: Sequence[str], text: str, columns: tuple[int, int]) -> Range:
    """The range of a document that shows columns (half-open) of the line `text`, which it was read as."""
    top = json_source.scan(text)
    found: tuple[Node, Path, Place] | None = None
    for path, place in read.places.items():
        try:
            node = top.at(path)
        except KeyError:
            continue
        around = node.start <= columns[0] and columns[1] <= node.end
        if around and (found is None or node.end - node.start < found[0].end - found[0].start):
            found = node, path, place
    if found is None:
        return whole(document, 0, 1)
    node, path, place = found
    value = _value(read.sample, path)
    if not place.is_text or not isinstance(value, str):
        return whole(document, place.start, place.end)
    start, end = (_position(document, place, value, _index(text, node, column)) for column in columns)
    return Range(start, end) if start != end else whole(document, place.start, place.end)


def whole(document: Sequence[str], start: int, end: int) -> Range:
    """Lines of a document, half-open, but for what is empty at their ends."""
    last = max(min(end, len(document)) - 1, start)
    return Range(Position(start, 0), Position(last, len(document[last].rstrip())))


def _index(text: str, node: Node, column: int) -> int:
    """Which character of a string stands at a column of its line."""
    inside = text[node.start + 1 : min(max(column, node.start + 1), node.end - 1)]
    return len(json_source.decode(f'"{inside}"'))


def _position(document: Sequence[str], place: Place, value: str, index: int) -> Position:
    line = place.start + value[:index].count("\n")
    return Position(line, min(escapes.column(value, index, document[line]), len(document[line])))


def _value(sample: Any, path: Path) -> Any:
    for key in path:
        sample = sample[key]
    return sample
