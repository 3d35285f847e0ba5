"""JSON with positions, and errors in plain words.

Lines are parsed by orjson. Only a line with a finding is read again here, to say where in the text a value is, or
what exactly is wrong with it. Offsets are code points from the start of the text. No recursion: depth costs memory
only.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from enum import Enum, auto
from math import isinf
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from lintune_schemas.samples import Path


class Kind(Enum):
    OBJECT = auto()
    ARRAY = auto()
    STRING = auto()
    OTHER = auto()


@dataclass(slots=True)
class Node:
    """A value's place in the text: half-open, quotes and brackets included."""

    kind: Kind
    start: int
    end: int = -1
    keys: dict[str | int, Node] = field(default_factory=dict)
    """Members of an object, or elements of an array by index."""
    key_spans: dict[str, tuple[int, int]] = field(default_factory=dict)

    def at(self, path: Path) -> Node:
        """The value at a path. Raises KeyError when there is none."""
        node = self
        for key in path:
            node = node.keys[key]
        return node


class JsonSyntaxError(Exception):
    """Where the text stops being JSON, and what was expected there, in plain words."""

    def __init__(self, start: int, end: int, message: str) -> None:
        super().__init__(message)
        self.start = start
        self.end = end
        self.message = message


class _Expect(Enum):
    VALUE = auto()
    KEY_OR_END = auto()
    KEY = auto()
    COLON = auto()
    COMMA_OR_END = auto()
    VALUE_OR_END = auto()
    NOTHING = auto()


_SPACE = re.compile(r"[ \t\r\n]*")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_ESCAPE = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})')
_UNIT = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.", re.DOTALL)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*|[+-]?\.?\d[\w.+-]*")
_LITERALS = {"true", "false", "null"}
_PYTHON_LITERALS = {"True": "true", "False": "false", "None": "null"}


class _Frame(NamedTuple):
    node: Node
    key: str | None


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def scan(self) -> Node:
        """The root of the document; raises JsonSyntaxError at the first fault."""
        text = self.text
        stack: list[Node] = []
        pending_key: list[str] = []
        root: Node | None = None
        expect = _Expect.VALUE
        while True:
            self.at = _SPACE.match(text, self.at).end()  # type: ignore[union-attr]  # matches the empty string
            if self.at >= len(text):
                if expect is _Expect.NOTHING and root is not None:
                    return root
                raise self._unfinished(stack, expect)
            char = text[self.at]
            closed: Node | None = None
            match expect:
                case _Expect.NOTHING:
                    raise self._after_end(char)
                case _Expect.COLON:
                    if char != ":":
                        raise self._error(f"expected a colon after the key, not {self._shown()}")
                    self.at += 1
                    expect = _Expect.VALUE
                    continue
                case _Expect.KEY | _Expect.KEY_OR_END:
                    if char == "}" and expect is _Expect.KEY_OR_END:
                        closed = stack.pop()
                    elif char == '"':
                        start = self.at
                        self._string()
                        key = decode(text[start : self.at])
                        stack[-1].key_spans[key] = (start, self.at)
                        pending_key.append(key)
                        expect = _Expect.COLON
                        continue
                    else:
                        raise self._bad_key(char)
                case _Expect.COMMA_OR_END:
                    inside = stack[-1].kind
                    if char == ",":
                        self.at += 1
                        expect = _Expect.KEY if inside is Kind.OBJECT else _Expect.VALUE
                        continue
                    if char != ("}" if inside is Kind.OBJECT else "]"):
                        raise self._missing_comma(char, inside)
                    closed = stack.pop()
                case _Expect.VALUE | _Expect.VALUE_OR_END:
                    if char == "]" and expect is _Expect.VALUE_OR_END:
                        closed = stack.pop()
                    elif char in "{[":
                        node = Node(Kind.OBJECT if char == "{" else Kind.ARRAY, self.at)
                        root = root or node
                        self._attach(stack, pending_key, node)
                        stack.append(node)
                        self.at += 1
                        expect = _Expect.KEY_OR_END if char == "{" else _Expect.VALUE_OR_END
                        continue
                    else:
                        node = self._scalar(char, bool(stack) and stack[-1].kind is Kind.ARRAY)
                        root = root or node
                        self._attach(stack, pending_key, node)
            if closed is not None:
                self.at += 1
                closed.end = self.at
            expect = _Expect.COMMA_OR_END if stack else _Expect.NOTHING

    @staticmethod
    def _attach(stack: list[Node], pending_key: list[str], node: Node) -> None:
        if not stack:
            return
        parent = stack[-1]
        parent.keys[pending_key.pop() if parent.kind is Kind.OBJECT else len(parent.keys)] = node

    def _scalar(self, char: str, in_array: bool) -> Node:
        start = self.at
        if char == '"':
            self._string()
            return Node(Kind.STRING, start, self.at)
        number = _NUMBER.match(self.text, start)
        word = _WORD.match(self.text, start)
        if number and number.end() > start and (not word or word.end() <= number.end()):
            if isinf(float(number.group())):
                raise self._error("this number is too large for any program to read", len(number.group()))
            self.at = number.end()
        elif word and word.group() in _LITERALS:
            self.at = word.end()
        else:
            raise self._bad_value(char, word.group() if word else "", in_array)
        return Node(Kind.OTHER, start, self.at)

    def _string(self) -> None:
        """Move past the string that begins here."""
        start = self.at
        at = start + 1
        text = self.text
        while True:
            at = _PLAIN.match(text, at).end()  # type: ignore[union-attr]  # matches the empty string
            if at >= len(text):
                raise JsonSyntaxError(start, len(text), "this string never ends: a closing double quote is missing")
            if text[at] == '"':
                self.at = at + 1
                return
            if text[at] != "\\":
                name = {"\t": "tab", "\n": "line end", "\r": "carriage return"}.get(text[at], "control character")
                escape = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}.get(text[at], f"\\u{ord(text[at]):04x}")
                raise JsonSyntaxError(at, at + 1, f"a raw {name} inside a string: write it as {escape}")
            escaped = _ESCAPE.match(text, at)
            if not escaped:
                shown = text[at : at + 2]
                raise JsonSyntaxError(
                    at,
                    min(at + 2, len(text)),
                    f"{shown} is no escape that JSON knows: write a backslash as \\\\",
                )
            at = escaped.end()

    def _comment(self) -> bool:
        return self.text.startswith(("//", "/*", "#"), self.at)

    def _shown(self) -> str:
        char = self.text[self.at]
        return f"“{char}”" if char.isprintable() else f"the invisible character U+{ord(char):04X}"

    def _error(self, message: str, length: int = 1) -> JsonSyntaxError:
        return JsonSyntaxError(self.at, min(self.at + length, len(self.text)), message)

    def _unfinished(self, stack: list[Node], expect: _Expect) -> JsonSyntaxError:
        if not stack:
            return JsonSyntaxError(0, len(self.text), "expected a JSON object, found nothing")
        end = len(self.text.rstrip())
        what, close = ("object", "}") if stack[-1].kind is Kind.OBJECT else ("list", "]")
        wanted = {
            _Expect.COLON: "a colon and a value",
            _Expect.VALUE: "a value",
            _Expect.KEY: "a key in double quotes",
        }
        missing = wanted.get(expect, f"“{close}”")
        message = f"the line ends inside {'an' if what == 'object' else 'a'} {what}: expected {missing}"
        return JsonSyntaxError(max(end - 1, 0), end, message)

    def _after_end(self, char: str) -> JsonSyntaxError:
        if char in "{,":
            return self._error("another object begins here: write each object on a line of its own")
        if self._comment():
            return self._error("JSON has no comments", len(self.text) - self.at)
        return JsonSyntaxError(self.at, len(self.text.rstrip()), f"text after the end of the object: {self._shown()}")

    def _bad_key(self, char: str) -> JsonSyntaxError:
        if char == "}":
            return self._error("a trailing comma: no comma may stand before “}”")
        if char == "'":
            return self._error("single quotes are not JSON: write keys in double quotes")
        word = _WORD.match(self.text, self.at)
        if word:
            return self._error(f'keys are written in double quotes: “"{word.group()}"”', len(word.group()))
        return self._error(f"expected a key in double quotes, not {self._shown()}")

    def _missing_comma(self, char: str, inside: Kind) -> JsonSyntaxError:
        close = "}" if inside is Kind.OBJECT else "]"
        if char in "]}":
            return self._error(f"expected “{close}” here, not “{char}”")
        return self._error(f"expected a comma or “{close}” after this value, not {self._shown()}")

    def _bad_value(self, char: str, word: str, in_array: bool) -> JsonSyntaxError:
        if char == "'":
            return self._error("single quotes are not JSON: write strings in double quotes")
        if char == "\ufeff":
            return self._error("a byte order mark (BOM) stands here: save the file as UTF-8 without BOM")
        if char == "]" and in_array:
            return self._error("a trailing comma: no comma may stand before “]”")
        if self._comment():
            return self._error("JSON has no comments", len(self.text) - self.at)
        if word in _PYTHON_LITERALS:
            return self._error(f"{word} is Python: JSON writes {_PYTHON_LITERALS[word]}", len(word))
        if word in ("NaN", "Infinity", "nan", "inf") or self.text.startswith("-Infinity", self.at):
            return self._error(f"{word or '-Infinity'} is no JSON number: use null or a string", len(word) or 9)
        if word:
            return self._error(f"{word} is no JSON value: text needs double quotes", len(word))
        return self._error(f"expected a value, not {self._shown()}")


def scan(text: str) -> Node:
    """The positions of every value in a JSON text. Raises JsonSyntaxError at the first fault."""
    return _Scanner(text).scan()


def decode(literal: str) -> str:
    """The text that a JSON string literal (with its quotes) stands for. Lone surrogates stay as they are."""
    if "\\" not in literal:
        return literal[1:-1]
    return _UNIT.sub(lambda match: _decode_unit(match.group()), literal[1:-1])


_SIMPLE = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def _decode_unit(unit: str) -> str:
    if unit[1] != "u":
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
        self._decoded: list[int] = [0]
        self._raw: list[int] = [0]
        for match in _UNIT.finditer(literal, 1, len(literal) - 1):
            raw = match.start() - 1
            self._decoded.append(self._decoded[-1] + (raw - self._raw[-1]) + 1)
            self._raw.append(match.end() - 1)

    def raw(self, index: int) -> int:
        """The offset in the text of character `index`; the length of the string gives the closing quote's."""
        nearest = bisect_right(self._decoded, index) - 1
        return self._start + self._raw[nearest] + index - self._decoded[nearest]
