"""Where in a sample the cursor is, on a line that is being written and so is hardly ever JSON.

A line is read from left to right and taken for what it looks like: a comma that is missing or one too many, a bracket
that is still open, a text without its closing quote do no harm. Of good JSON it makes what a JSON parser makes of it.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from lintune_server.lint import json_source
from lintune_server.lint.lines import BOM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.samples import Path

TEXT = r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)'
"""A text in quotes, the last one of which may be missing at the end of the line."""

_TOKEN = re.compile(rf'{TEXT}|[{{}}\[\]:,]|[^\s"{{}}\[\]:,]+', re.DOTALL)
_HALF = re.compile("[\ud800-\udfff]")
_LEFT_OPEN = re.compile(r"[\w.$/-]*+\s*+[,:}\]]")
"""Behind the cursor in a text: what follows looks like the rest of the line, not like the rest of the text."""


@dataclass(slots=True)
class Cursor:
    """What is written at the cursor, and what is around it."""

    path: Path
    """Of the value that stands there or would; of a key, that of its object."""
    is_key: bool
    typed: str
    """The text between where it begins and the cursor."""
    start: int
    """The first column of what is there already, its quote included."""
    end: int
    """Behind its last one."""
    quoted: bool
    """Whether it begins with a quote."""
    around: Any
    """The object or list that it is in, without itself; None at the top."""
    sample: Any = None
    """What the whole line says without it."""
    follows: str = ""
    """The first character of what comes behind it; empty at the end of the line."""
    lacks_mark: bool = False
    """Whether the comma or the colon before it is missing."""

    @property
    def nothing_there(self) -> bool:
        return self.start == self.end

    @property
    def comma(self) -> str:
        """What has to be behind something new, so that it does not run into what follows."""
        return ", " if self.nothing_there and self.follows not in ("", ",", ":", "}", "]") else ""


@dataclass(slots=True)
class _Frame:
    """An object or a list that is open."""

    value: dict[str, Any] | list[Any]
    key: str | None = None
    """Of an object: the key whose value comes next."""
    marked: bool = True
    """Whether nothing is missing before what comes next: a comma, a colon."""

    @property
    def step(self) -> str | int:
        return len(self.value) if isinstance(self.value, list) else self.key or ""

    @property
    def takes_key(self) -> bool:
        return isinstance(self.value, dict) and self.key is None

    def put(self, value: Any) -> None:
        if isinstance(self.value, list):
            self.value.append(value)
        elif self.key is not None:
            self.value[self.key] = value
            self.key = None
        self.marked = False


@dataclass(slots=True)
class _Reading:
    """A line as far as it is read. The first frame is the line itself, a list of what stands on it."""

    frames: list[_Frame] = field(default_factory=lambda: [_Frame([])])
    cursor: Cursor | None = None
    open: Counter[type] = field(default_factory=Counter)
    """How many objects and lists are."""

    def see(self, text: str, start: int, end: int) -> None:
        """Take in a token."""
        char, frame = text[start], self.frames[-1]
        if self.cursor is not None and not self.cursor.follows:
            self.cursor.follows = char
        if char in "{[":
            self._open({} if char == "{" else [])
        elif char in "}]":
            self._close(dict if char == "}" else list)
        elif char in ",:":
            if char == "," and frame.key is not None:
                frame.put(None)
            frame.marked = True
        else:
            token = text[start:end]
            if frame.takes_key:
                frame.key = _text(token)
                frame.marked = False
            else:
                frame.put(_text(token) if char == '"' else _scalar(token))

    def stop_at(self, typed: str, start: int, end: int, quoted: bool) -> None:
        """The cursor is here. What stands there already, if anything, is taken for absent."""
        frame = self.frames[-1]
        is_key = frame.takes_key
        steps = [one.step for one in self.frames[1:]]
        path = tuple(steps[:-1] if is_key else steps)
        around = frame.value if len(self.frames) > 1 else None
        self.cursor = Cursor(path, is_key, typed, start, end, quoted, around, lacks_mark=not frame.marked)
        if is_key and start < end:
            frame.key = ""
        elif start < end and isinstance(frame.value, dict):
            frame.key = None

    def _open(self, value: dict[str, Any] | list[Any]) -> None:
        frame = self.frames[-1]
        if frame.takes_key:
            frame.key = ""  # something is missing; what is inside is still worth reading
        self.frames.append(_Frame(value))
        self.open[type(value)] += 1

    def _close(self, kind: type) -> None:
        """Close the innermost one of a kind, and what is open within it."""
        if not self.open[kind]:
            return
        while not isinstance(self.frames[-1].value, kind):
            self._close_last()
        self._close_last()

    def _close_last(self) -> None:
        closed = self.frames.pop()
        self.open[type(closed.value)] -= 1
        self.frames[-1].put(closed.value)

    def finish(self) -> Any:
        """Close what is open. Returns the sample."""
        while len(self.frames) > 1:
            self._close_last()
        values = self.frames[0].value
        return values[0] if values and isinstance(values, list) else None


def find(line: str, column: int) -> Cursor:
    """The cursor between two characters of a line; `column` counts those before it."""
    reading = _Reading()
    for start, end in _tokens(line, column):
        if reading.cursor is None:
            quoted = line[start] == '"'
            if quoted and start < column and (column < end or not is_closed(line, start, end)):
                reading.stop_at(_decoded(line[start + 1 : column]), start, end, True)
                continue
            if not quoted and line[start] not in "{}[]:," and start <= column <= end:
                reading.stop_at(line[start:column], start, end, False)
                continue
            if start >= column:
                reading.stop_at("", column, column, False)
        reading.see(line, start, end)
    if reading.cursor is None:
        reading.stop_at("", column, column, False)
    cursor = reading.cursor
    assert cursor is not None
    cursor.sample = reading.finish()
    return cursor


def _tokens(line: str, column: int) -> Iterator[tuple[int, int]]:
    at = len(line) - len(line.lstrip(BOM))
    while match := _TOKEN.search(line, at):
        start, at = match.span()
        if line[start] == '"' and start < column < at and line[start + 1] not in "{[":  # JSON in a text has marks, too
            rest = _LEFT_OPEN.match(line, column)
            if rest and rest.end() < at:
                at = column  # the next quote belongs to something else
        yield start, at


def is_closed(line: str, start: int, end: int) -> bool:
    """Whether a text that begins with a quote ends with one."""
    return end - start > 1 and line[end - 1] == '"' and not _escapes(line, start, end - 1)


def _escapes(line: str, start: int, at: int) -> bool:
    """Whether the character at a place is escaped."""
    before = line[start:at]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _text(token: str) -> str:
    if not token.startswith('"'):
        return token
    return _decoded(token[1:-1] if is_closed(token, 0, len(token)) else token[1:])


def _decoded(written: str) -> str:
    """What is inside of quotes, with half an escape at its end left out; U+FFFD for half a surrogate pair."""
    if _escapes(written, 0, len(written)):
        written = written[:-1]
    return _HALF.sub("\ufffd", json_source.decode(f'"{written}"'))


def _scalar(token: str) -> Any:
    try:
        return orjson.loads(token)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        return None
