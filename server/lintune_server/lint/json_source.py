"""Where in a JSON text its values stand.

Lines are parsed by orjson. Only a line with a finding is read again here, and of it no more than the way to what was
found. The text must be one that orjson accepts; what is wrong with others, `json_faults` says. Offsets are code points
from the start of the text. No recursion, and no list of all values: a line may hold millions.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from lintune_server.lint.lines import BOM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.samples import Path

Span = tuple[int, int]
"""Half-open."""

_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_TOKEN = re.compile(rf"{_STRING}|[{{}}\[\]]")
_KEY_OR_BRACKET = re.compile(rf"({_STRING})[ \t\r\n]*+(:?)|[{{}}\[\]]")
_VALUE = re.compile(rf"{_STRING}|[^ \t\r\n,\]}}]++")
_BETWEEN = re.compile(r"[ \t\r\n,:]*+")
_UNIT = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.", re.DOTALL)


class Kind(Enum):
    OBJECT = auto()
    ARRAY = auto()
    STRING = auto()
    OTHER = auto()


_KINDS = {"{": Kind.OBJECT, "[": Kind.ARRAY, '"': Kind.STRING}


class Node:
    """A value's place in the text: half-open, quotes and brackets included. Looked into when it is asked for."""

    __slots__ = ("_elements", "_known", "_members", "_offsets", "_text", "end", "kind", "start")

    def __init__(self, text: str, start: int, end: int) -> None:
        self._text = text
        self.start = start
        self.end = end
        self.kind = _KINDS.get(text[start], Kind.OTHER)
        self._members: dict[str, tuple[Span, Span]] | None = None
        self._elements: tuple[array[int], array[int]] | None = None
        self._known: dict[str | int, Node] = {}
        self._offsets: StringOffsets | None = None

    def at(self, path: Path) -> Node:
        """The value at a path. Raises KeyError when there is none."""
        node = self
        for key in path:
            if key not in node._known:
                node._known[key] = Node(self._text, *node._span(key))
            node = node._known[key]
        return node

    def key(self, name: str) -> Span:
        """Where the key of an object's member stands, quotes included; of one that is there twice, the last."""
        return self._look_at_members()[name][0]

    def with_comma(self, key: str | int) -> Span:
        """A member of an object, or an element of a list, with the comma that goes with it."""
        spans = list(self._whole_spans())
        names = list(self._look_at_members()) if self.kind is Kind.OBJECT else range(len(spans))
        at = names.index(key)  # type: ignore[arg-type]  # a path has the right kind of keys
        if at + 1 < len(spans):
            return spans[at][0], spans[at + 1][0]
        return spans[at - 1][1] if at else spans[at][0], spans[at][1]

    def offset(self, index: int) -> int:
        """Where in the text character `index` of a string stands; its length gives the place of the closing quote."""
        if self._offsets is None:
            self._offsets = StringOffsets(self._text[self.start : self.end], self.start)
        return self._offsets.raw(index)

    def _span(self, key: str | int) -> Span:
        if isinstance(key, str):
            return self._look_at_members()[key][1]
        starts, ends = self._look_at_elements()
        if not 0 <= key < len(starts):
            raise KeyError(key)
        return starts[key], ends[key]

    def _whole_spans(self) -> Iterator[Span]:
        if self.kind is Kind.OBJECT:
            return ((key[0], value[1]) for key, value in self._look_at_members().values())
        return zip(*self._look_at_elements(), strict=True)

    def _look_at_members(self) -> dict[str, tuple[Span, Span]]:
        if self._members is None:
            members: dict[str, tuple[Span, Span]] = {}
            if self.kind is Kind.OBJECT:
                values = values_of(self._text, self.start)
                for start, end in values:
                    key = decode(self._text[start:end])
                    members.pop(key, None)  # the last one counts, and stands where it stands
                    members[key] = (start, end), next(values)
            self._members = members
        return self._members

    def _look_at_elements(self) -> tuple[array[int], array[int]]:
        if self._elements is None:
            starts, ends = array("Q"), array("Q")
            if self.kind is Kind.ARRAY:
                for start, end in values_of(self._text, self.start):
                    starts.append(start)
                    ends.append(end)
            self._elements = starts, ends
        return self._elements


def scan(text: str) -> Node:
    """The place of the value that a JSON text is."""
    start = len(text) - len(text.lstrip(f"{BOM} \t\r\n"))
    return Node(text, start, len(text.rstrip(" \t\r\n")))


def values_of(text: str, start: int) -> Iterator[Span]:
    """The keys and values of an object, one after the other, or the elements of a list, that begins at `start`."""
    at = start + 1
    while True:
        at = _BETWEEN.match(text, at).end()  # type: ignore[union-attr]  # matches the empty string
        char = text[at]
        if char in "}]":
            return
        # A valid text has a value here.
        end = _end_of_brackets(text, at) if char in "{[" else _VALUE.match(text, at).end()  # type: ignore[union-attr]
        yield at, end
        at = end


def _end_of_brackets(text: str, start: int) -> int:
    depth = 0
    for token in _TOKEN.finditer(text, start):
        char = text[token.start()]
        if char in "{[":
            depth += 1
        elif char in "}]":
            depth -= 1
            if depth == 0:
                return token.end()
    raise ValueError("no JSON")


def around(text: str, offset: int) -> Iterator[Span]:
    """What an offset is in or at, outermost first: values, members with their keys, and the inside of a text."""
    node = scan(text)
    start, end = node.start, node.end
    while start <= offset <= end:
        yield start, end
        char = text[start]
        if char == '"':
            if start < offset < end:
                yield start + 1, end - 1
            return
        if char == "{":
            values = values_of(text, start)
            members = ((key, next(values)) for key in values)
            member = next((one for one in members if one[0][0] <= offset <= one[1][1]), None)
            if member is None:
                return
            key, value = member
            yield key[0], value[1]
            start, end = key if offset <= key[1] else value
        elif char == "[":
            element = next((one for one in values_of(text, start) if one[0] <= offset <= one[1]), None)
            if element is None:
                return
            start, end = element
        else:
            return


class RepeatedKey(NamedTuple):
    """A key that its object had before: where that one stands, and this one, quotes included."""

    key: str
    first: Span
    again: Span


def repeated_keys(text: str) -> Iterator[RepeatedKey]:
    """The keys that stand more than once in one object, in the order of the text."""
    open_: list[dict[str, Span] | None] = []
    for token in _KEY_OR_BRACKET.finditer(text):
        char = text[token.start()]
        if char == '"':
            if token.group(2):
                keys, key, span = open_[-1], decode(token.group(1)), token.span(1)
                assert keys is not None
                if key in keys:
                    yield RepeatedKey(key, keys[key], span)
                else:
                    keys[key] = span
        elif char in "{[":
            open_.append({} if char == "{" else None)
        else:
            open_.pop()


def decode(literal: str) -> str:
    """The text that a JSON string literal (with its quotes) stands for; of an escape that is none, what follows it."""
    if "\\" not in literal:
        return literal[1:-1]
    return _UNIT.sub(lambda match: _decode_unit(match.group()), literal[1:-1])


_SIMPLE = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def _decode_unit(unit: str) -> str:
    if len(unit) == 2:
        return _SIMPLE.get(unit[1], unit[1])
    if len(unit) == 6:
        return chr(int(unit[2:], 16))
    high, low = int(unit[2:6], 16), int(unit[8:], 16)
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


class StringOffsets:
    """From characters of a decoded string to offsets in its literal, escapes and surrogate pairs counted right."""

    def __init__(self, literal: str, start: int) -> None:
        """literal: with its quotes; start: its offset in the text."""
        self._start = start + 1
        self._decoded = array("Q", [0])
        self._raw = array("Q", [0])
        for match in _UNIT.finditer(literal, 1, len(literal) - 1):
            raw = match.start() - 1
            self._decoded.append(self._decoded[-1] + (raw - self._raw[-1]) + 1)
            self._raw.append(match.end() - 1)

    def raw(self, index: int) -> int:
        """The offset in the text of character `index`; the length of the string gives the closing quote's."""
        nearest = bisect_right(self._decoded, index) - 1
        return self._start + self._raw[nearest] + index - self._decoded[nearest]
