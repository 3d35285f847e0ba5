"""A line of JSON with another value: what did not change keeps its bytes, what is new looks like its neighbours."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from lintune_schemas import exact_json
from lintune_server.lint import json_source
from lintune_server.lint.json_source import Kind, Node

if TYPE_CHECKING:
    from collections.abc import Sequence

_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_ESCAPED_TEXT = re.compile(r"(?<!\\)(?:\\\\)*\\u(?!00[01])[0-9a-fA-F]{4}")
"""An escape that JSON did not need. Control characters need theirs."""


@dataclass(frozen=True, slots=True)
class Style:
    """How JSON is written on a line: as Python's, with spaces, unless it shows something else."""

    comma: str = ", "
    colon: str = ": "
    ascii: bool = False
    """Whether what is not ASCII is written as escapes."""


def style_of(text: str, usual: Style | None = None) -> Style:
    """The style of a line that holds an object; where it does not show, the usual one."""
    usual = usual or Style()
    top = json_source.scan(text)
    members = list(_members(text, top)) if top.kind is Kind.OBJECT else []
    colon = next((text[key_end:start] for _, key_end, start, _ in members), usual.colon)
    commas = [text[one[3] : other[0]] for one, other in pairwise(members)]
    if not commas:
        for _, _, start, end in members:
            inside = _elements(text, Node(text, start, end))
            commas += [text[one[1] : other[0]] for one, other in pairwise(inside)]
    is_ascii = usual.ascii
    if _NOT_ASCII.search(text, top.start):  # behind a byte order mark
        is_ascii = False
    elif _ESCAPED_TEXT.search(text):
        is_ascii = True
    return Style(commas[0] if commas else usual.comma, colon, is_ascii)


def same(one: Any, other: Any) -> bool:
    """Whether two values of exact_json are written the same, but for the order of keys."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if type(one) is not type(other):
        return False
    return bool(one == other) if not isinstance(one, float) else exact_json.dumps(one) == exact_json.dumps(other)


def written(value: Any, style: Style, like: Any = None) -> str:
    """A new value. like: a neighbour; keys that it has, too, come in its order."""
    match value:
        case dict():
            order = [key for key in like if key in value] if isinstance(like, dict) else []
            keys = [*order, *(key for key in value if key not in order)]
            inner = [
                f"{_string(key, style)}{style.colon}{written(value[key], style, like.get(key) if order else None)}"
                for key in keys
            ]
            return "{" + style.comma.join(inner) + "}"
        case list():
            first = like[0] if isinstance(like, list) and like else None
            return "[" + style.comma.join(written(item, style, first) for item in value) + "]"
        case str():
            return _string(value, style)
    return exact_json.dumps(value)


def rewritten(text: str, value: Any, usual: Style | None = None) -> str:
    """A line of JSON with another value. Raises ValueError for a line that exact_json does not read."""
    old = exact_json.loads(text.removeprefix("\ufeff"))
    if same(old, value):
        return text
    top = json_source.scan(text)
    style = style_of(text, usual)
    return text[: top.start] + _Rewriter(text, style).of(top, old, value) + text[top.end :]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A member or an element: its text, and which one of the old it is."""

    text: str
    old: int | None = None


class _Rewriter:
    def __init__(self, text: str, style: Style) -> None:
        self._text = text
        self._style = style

    def of(self, node: Node, old: Any, new: Any) -> str:
        if same(old, new):
            return self._text[node.start : node.end]
        if isinstance(old, str) and isinstance(new, str):
            return self._string(node, old, new)
        if isinstance(old, dict) and isinstance(new, dict):
            return self._object(node, old, new)
        if isinstance(old, list) and isinstance(new, list):
            return self._array(node, old, new)
        return written(new, self._style, old)

    def _string(self, node: Node, old: str, new: str) -> str:
        """The beginning and the end that both have keep their escapes."""
        start = _alike(old, new)
        rest = min(len(old), len(new)) - start
        end = _alike(old[::-1][:rest], new[::-1][:rest])
        before = self._text[node.start : node.offset(start)]
        after = self._text[node.offset(len(old) - end) : node.end]
        style = replace(self._style, ascii=self._is_ascii(self._text[node.start : node.end]))
        made = f"{before}{_string(new[start : len(new) - end], style)[1:-1]}{after}"
        return made if json_source.decode(made) == new else _string(new, style)

    def _is_ascii(self, raw: str) -> bool:
        if _NOT_ASCII.search(raw):
            return False
        return self._style.ascii or _ESCAPED_TEXT.search(raw) is not None

    def _object(self, node: Node, old: dict[str, Any], new: dict[str, Any]) -> str:
        spans = list(_members(self._text, node))
        pieces = [
            _Piece(self._text[start:at] + self.of(node.at((key,)), old[key], new[key]), number)
            for number, (key, (start, _, at, _)) in enumerate(zip(old, spans, strict=True))
            if key in new
        ]
        added = [key for key in new if key not in old]
        pieces += [
            _Piece(f"{_string(key, self._style)}{self._style.colon}{written(new[key], self._style)}") for key in added
        ]
        return self._joined(node, pieces, [(start, end) for start, _, _, end in spans])

    def _array(self, node: Node, old: list[Any], new: list[Any]) -> str:
        pieces: list[_Piece] = []
        for before, after in _aligned(old, new):
            if before is not None and after is not None:
                pieces.append(_Piece(self.of(node.at((before,)), old[before], new[after]), before))
            elif after is not None:
                pieces.append(_Piece(self._new(node, old, new[after])))
        return self._joined(node, pieces, _elements(self._text, node))

    def _new(self, node: Node, old: list[Any], value: Any) -> str:
        """A new element, written like the one that has most of its keys."""
        likes = [number for number, item in enumerate(old) if isinstance(item, dict)] if isinstance(value, dict) else []
        if not likes:
            return written(value, self._style)
        like = max(likes, key=lambda number: len(old[number].keys() & value.keys()))
        place = node.at((like,))
        return written(value, style_of(self._text[place.start : place.end], self._style), old[like])

    def _joined(self, node: Node, pieces: Sequence[_Piece], spans: Sequence[tuple[int, int]]) -> str:
        """Between brackets, with what stood between two before where both are still there."""
        text = self._text
        opening, closing = text[node.start], text[node.end - 1]
        if not spans or not pieces:
            return opening + self._style.comma.join(piece.text for piece in pieces) + closing
        usual = text[spans[0][1] : spans[1][0]] if len(spans) > 1 else self._style.comma
        parts = [text[node.start : spans[0][0]]]
        for number, piece in enumerate(pieces):
            if number:
                last = pieces[number - 1].old
                follows = last is not None and piece.old == last + 1
                parts.append(text[spans[last][1] : spans[last + 1][0]] if last is not None and follows else usual)
            parts.append(piece.text)
        parts.append(text[spans[-1][1] : node.end])
        return "".join(parts)


def _alike(one: str, other: str) -> int:
    """How many characters both begin with."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


def _aligned(old: list[Any], new: list[Any]) -> list[tuple[int | None, int | None]]:
    """Which element became which: equal ones first, then those between them in their order."""
    names: dict[str, int] = {}
    one_by_one, other = ([names.setdefault(_identity(item), len(names)) for item in items] for items in (old, new))
    pairs: list[tuple[int | None, int | None]] = []
    for kind, one, two, first, last in SequenceMatcher(None, one_by_one, other, autojunk=False).get_opcodes():
        if kind == "equal":
            pairs += zip(range(one, two), range(first, last), strict=True)
            continue
        befores, afters = list(range(one, two)), list(range(first, last))
        kept = min(len(befores), len(afters))
        pairs += zip(befores[:kept], afters[:kept], strict=True)
        pairs += [(before, None) for before in befores[kept:]]
        pairs += [(None, after) for after in afters[kept:]]
    return pairs


def _identity(value: Any) -> str:
    """The same for values that are `same`."""
    match value:
        case dict():
            return "{" + ",".join(f"{key!r}:{_identity(value[key])}" for key in sorted(value)) + "}"
        case list():
            return "[" + ",".join(map(_identity, value)) + "]"
        case str():
            return repr(value)
    return exact_json.dumps(value)


def _members(text: str, node: Node) -> list[tuple[int, int, int, int]]:
    """Of each member of an object: where its key starts and ends, and its value."""
    spans = list(json_source.values_of(text, node.start))
    return [(*key, *value) for key, value in zip(spans[::2], spans[1::2], strict=True)]


def _elements(text: str, node: Node) -> list[tuple[int, int]]:
    return list(json_source.values_of(text, node.start)) if node.kind is Kind.ARRAY else []


def _string(text: str, style: Style) -> str:
    raw = exact_json.dumps(text)
    if not style.ascii:
        return raw
    return _NOT_ASCII.sub(lambda match: _escape(match.group()), raw)


def _escape(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
