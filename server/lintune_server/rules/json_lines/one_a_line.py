"""JSON that is spread over lines, or is one list: finding it, and writing it with one object a line."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from lintune_schemas import layouts
from lintune_server.lint.lines import BOM, decoded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.shape import Head

MOST_BYTES = 32 << 20
"""What is read as a whole to be written anew. Larger files are for programs that stream."""

_STRING_OR_SPACE = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|([ \t\r\n]++)')
_SPACE = re.compile(r"[ \t\r\n]*+")
_LIST_OF_OBJECTS = re.compile(r"\[[ \t\r\n]*+\{")
_OPENINGS = ("{", "[", "[{", "[[")
_DECODER = json.JSONDecoder()


Place = tuple[int, int]
"""A line and a column, counted from 1."""


class Spread(NamedTuple):
    """JSON that is no JSON Lines. one_list: of all samples. broken: the line and column where it is no JSON."""

    one_list: bool
    broken: Place | None = None


def spread(head: Head) -> Spread | None:
    """What a file is that begins with JSON of more than one line, or with one list of samples; None when it is not."""
    text = decoded(head.data).removeprefix(BOM)
    start = _SPACE.match(text).end()  # type: ignore[union-attr]  # matches the empty string
    if text[start : start + 1] not in ("{", "["):
        return None
    end = text.find("\n", start)
    first = text[start : end if end >= 0 else None].rstrip()
    if end < 0 and not head.whole:
        return Spread(one_list=True) if _LIST_OF_OBJECTS.match(first) else None
    try:
        value = orjson.loads(first)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        return _over_lines(text, start, first, head) if end >= 0 else None
    alone = end < 0 or not text[end:].strip()
    return Spread(one_list=True) if _is_list_of_samples(value, alone) else None


def _is_list_of_samples(value: Any, alone: bool) -> bool:
    """Whether a line is a list of samples, not the messages of one. alone: it is the only line."""
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        return False
    if any(layouts.detect(item) is not None for item in value):
        return True
    return alone and not any("role" in item or "from" in item for item in value)


def _over_lines(text: str, start: int, first: str, head: Head) -> Spread | None:
    """first: the first line, which by itself is no JSON."""
    one_list = first[0] == "["
    try:
        _, end = _DECODER.raw_decode(text, start)
    except RecursionError:
        return Spread(one_list) if first in _OPENINGS else None
    except json.JSONDecodeError as error:
        cut = not head.whole and (error.pos >= len(text.rstrip()) - 1 or "Unterminated" in error.msg)
        lines = text.count("\n", start, error.pos)
        if first not in _OPENINGS and lines < 3:
            return None  # the first line is broken, and the next ones are others
        return Spread(one_list, None if cut else (error.lineno, error.colno))
    return Spread(one_list) if text.count("\n", start, end) else None


def rewritten(text: str) -> str | Place | None:
    """The same objects, one a line; where the text is no JSON; None when not all are objects."""
    try:
        spans = list(_objects(text))
    except json.JSONDecodeError as error:
        return error.lineno, error.colno
    except RecursionError:
        return None
    lines = [_on_one_line(text[start:end]) for start, end in spans]
    try:
        sound = bool(lines) and all(isinstance(orjson.loads(line), dict) for line in lines)
    except orjson.JSONDecodeError:  # what Python reads and others do not, as NaN
        return None
    return "".join(f"{line}\n" for line in lines) if sound else None


def _objects(text: str) -> Iterator[tuple[int, int]]:
    """Where the objects stand: those of a list, those behind each other, or those of an object's only list."""
    start = _past_space(text, 1 if text.startswith(BOM) else 0)
    if text.startswith("[", start):
        yield from _elements(text, start, len(text))
        return
    value, end = _DECODER.raw_decode(text, start)
    if _past_space(text, end) == len(text) and isinstance(value, dict) and len(value) == 1:
        key, inner = next(iter(value.items()))
        if isinstance(inner, list) and inner and _is_list_of_samples(inner, alone=False) and not _detected(key, inner):
            _, colon = _DECODER.raw_decode(text, text.index('"', start))
            yield from _elements(text, text.index("[", colon), end - 1)
            return
    while True:
        yield start, end
        start = _past_space(text, end)
        if start == len(text):
            return
        _, end = _DECODER.raw_decode(text, start)


def _detected(key: str, inner: list[Any]) -> bool:
    """Whether the object is a sample itself."""
    return layouts.detect({key: inner}) is not None


def _elements(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The elements of a list that begins at `start` and behind which there is nothing up to `end`."""
    at = _past_space(text, start + 1)
    while not text.startswith("]", at):
        _, after = _DECODER.raw_decode(text, at)
        yield at, after
        at = _past_space(text, after)
        if text.startswith(",", at):
            at = _past_space(text, at + 1)
        elif not text.startswith("]", at):
            raise json.JSONDecodeError("no list", text, at)
    if _past_space(text, at + 1) < end:
        raise json.JSONDecodeError("something behind the list", text, at + 1)


def _past_space(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]  # matches the empty string


def _on_one_line(text: str) -> str:
    if "\n" not in text and "\r" not in text:
        return text

    def replace(match: re.Match[str]) -> str:
        space = match.group(1)
        if space is None or ("\n" not in space and "\r" not in space):
            return match.group()
        return " " if text[match.start() - 1] == "," else ""

    return _STRING_OR_SPACE.sub(replace, text)
