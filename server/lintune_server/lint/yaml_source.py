"""YAML with positions, read by the rules of YAML 1.1 as Axolotl's own reader (PyYAML) does.

So `1e-4` is a string here and `no` is false: the traps are seen as the trainer would see them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from lintune_server.lint.findings import Position, Range

if TYPE_CHECKING:
    from lintune_schemas.samples import Path

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlSyntaxError(Exception):
    """Where the text stops being YAML, and why, in plain words."""

    def __init__(self, message: str, range_: Range) -> None:
        super().__init__(message)
        self.message = message
        self.range = range_


@dataclass(slots=True)
class YamlNode:
    """A value and its place; the raw text is what stands there, quotes included."""

    value: Any
    range: Range
    raw: str
    keys: dict[str | int, YamlNode] = field(default_factory=dict)
    key_ranges: dict[str, Range] = field(default_factory=dict)

    def at(self, path: Path) -> YamlNode:
        """The value at a path. Raises KeyError when there is none."""
        node = self
        for key in path:
            node = node.keys[key]
        return node


def parse(text: str) -> YamlNode | None:
    """The document's root; None when it is empty. Raises YamlSyntaxError."""
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        return _convert(loader, root, text, {}) if root else None
    except yaml.MarkedYAMLError as error:
        raise _explained(error, text) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position)
        column = error.position - (text.rfind("\n", 0, error.position) + 1)
        raise YamlSyntaxError(
            f"a control character (U+{ord(str(error.character)):04X}) that YAML does not allow",
            Range(Position(line, column), Position(line, column + 1)),
        ) from error
    finally:
        loader.dispose()


def _convert(loader: Any, node: yaml.Node, text: str, seen: dict[int, YamlNode]) -> YamlNode:
    if id(node) in seen:  # an alias: the anchor's value once more
        return seen[id(node)]
    start, end = node.start_mark, node.end_mark
    place = Range(Position(start.line, start.column), Position(end.line, end.column))
    found = YamlNode(None, place, text[start.index : end.index])
    seen[id(node)] = found
    if isinstance(node, yaml.MappingNode):
        loader.flatten_mapping(node)  # `<<: *defaults`
        found.value = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else str(key_node.value)
            child = _convert(loader, value_node, text, seen)
            found.keys[key], found.value[key] = child, child.value
            found.key_ranges[key] = Range(
                Position(key_node.start_mark.line, key_node.start_mark.column),
                Position(key_node.end_mark.line, key_node.end_mark.column),
            )
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            found.keys[index] = _convert(loader, item, text, seen)
        found.value = [child.value for child in found.keys.values()]
    else:
        found.value = loader.construct_object(node)
    if found.keys and isinstance(node, yaml.CollectionNode) and not node.flow_style:
        # A block ends where the next one begins, by PyYAML's marks; for a person it ends with its last value.
        found.range = Range(place.start, max(child.range.end for child in found.keys.values()))
    return found


_PLAIN_WORDS = (
    ("found character '\\t'", "a tab: YAML is indented with spaces only"),
    ("cannot start any token", "this character cannot begin a value: put the value in quotes"),
    (
        "mapping values are not allowed",
        "a second colon on this line: put the value in quotes, or check the indentation",
    ),
    ("could not find expected ':'", "expected a colon after this key"),
    ("expected <block end>", "the indentation does not fit the lines above"),
    ("unexpected end of stream", "the file ends inside a quoted text: a closing quote is missing"),
    ("expected ',' or ']'", "expected a comma or “]” in this list"),
    ("expected ',' or '}'", "expected a comma or “}” in this mapping"),
    ("undefined alias", "this alias (*name) has no anchor (&name) above it"),
    ("expected a single document", "a second document (---) begins here: a recipe is one document"),
    ("could not determine a constructor", "YAML tags (!…) are not allowed in a recipe"),
)


def _explained(error: yaml.MarkedYAMLError, text: str) -> YamlSyntaxError:
    words = " ".join(part for part in (error.context, error.problem) if part)
    mark = error.problem_mark or error.context_mark
    lines = text.split("\n")
    line = min(mark.line, len(lines) - 1) if mark else 0
    column = min(mark.column, len(lines[line])) if mark and mark.line == line else len(lines[line])
    if "\t" in lines[line][column : column + 1]:  # the C reader does not say which character it met
        words = "found character '\\t'"
    message = next((plain for needle, plain in _PLAIN_WORDS if needle in words), words)
    # At the end of a line there is no character to underline: take the last one.
    start = column if column < len(lines[line]) else max(column - 1, 0)
    return YamlSyntaxError(message, Range(Position(line, start), Position(line, max(column, start + 1))))
