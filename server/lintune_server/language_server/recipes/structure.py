"""The structure of a recipe for outlines, folding and selections. Places are lines and columns, in code points."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lintune_server.language_server.recipes.outline import Outline
from lintune_server.language_server.recipes.scalars import is_closed, unquoted
from lintune_server.lint.lines import without_end

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lintune_server.language_server.recipes.flow import Place
    from lintune_server.language_server.recipes.nodes import Node, Span

_DEEPEST = 12
"""Levels. No recipe has more than half of them."""
_MOST = 2_000
"""Keys and items, or folds. Editors ask for them after every change."""


class Stretch(NamedTuple):
    start: Place
    end: Place


class Entry(NamedTuple):
    """A key or a list's item."""

    name: str
    detail: str
    """Its value when it is a scalar."""
    is_section: bool
    whole: Stretch
    head: Stretch
    """The key itself, or what an item begins with."""
    parts: list[Entry]


def entries(lines: Sequence[str]) -> list[Entry]:
    """Every key and item, as a tree."""
    left = iter(range(_MOST))
    return [_entry(child, lines, 1, left) for child in Outline(lines).root.children if next(left, None) is not None]


def folds(lines: Sequence[str]) -> list[tuple[int, int]]:
    """The first and the last line of what can be folded: a key or an item with all that is below it."""
    found: dict[int, int] = {}
    for node in Outline(lines).root.walk():
        if node.last_line > node.line and len(found) < _MOST:
            found.setdefault(node.line, node.last_line)
    return sorted(found.items())


def around(lines: Sequence[str], line: int, column: int) -> list[Stretch]:
    """What is around a position, from the inside out: a value, without its quotes first; its key with it; and so on."""
    root = Outline(lines, line).root
    place = (line, column)
    node, found = root, list[Stretch]()
    while True:
        found += [stretch for stretch in _of(node, lines) if stretch.start <= place <= stretch.end and node is not root]
        inner = next(
            (child for child in node.children if _whole(child, lines).start <= place <= _whole(child, lines).end), None
        )
        if inner is None:
            break
        node = inner
    if lines:
        found.insert(0, Stretch((0, 0), (len(lines) - 1, len(without_end(lines[-1])))))
    return list(dict.fromkeys(reversed(found)))


def _of(node: Node, lines: Sequence[str]) -> Iterator[Stretch]:
    """The entry, and its own texts, from the outside in."""
    yield _whole(node, lines)
    for span in (node.name, node.value):
        if span is not None:
            yield _stretch(span)
            text = lines[span.line][span.start : span.end]
            if text[:1] in ('"', "'") and is_closed(text):
                yield Stretch((span.line, span.start + 1), (span.line, span.end - 1))


def _entry(node: Node, lines: Sequence[str], depth: int, left: Iterator[int]) -> Entry:
    parts = []
    if depth < _DEEPEST:
        children = (child for child in node.children if next(left, None) is not None)
        parts = [_entry(child, lines, depth + 1, left) for child in children]
    whole = _whole(node, lines)
    text = _text(node.value, lines)
    span = node.name or node.value
    head = _stretch(span) if span else Stretch(whole.start, whole.start)
    name = node.key if isinstance(node.key, str) else text or _title(node, lines)
    return Entry(name or "…", text if isinstance(node.key, str) else "", not text, whole, head, parts)


def _title(item: Node, lines: Sequence[str]) -> str:
    """What to call an item that is a section: by its path, or whatever it begins with."""
    named = item.child("path") or (item.children[0] if item.children else None)
    return _text(named.value, lines) if named else ""


def _whole(node: Node, lines: Sequence[str]) -> Stretch:
    """From the key or dash to the end of all that is below it."""
    start = (node.line, node.column)
    ends = [(span.line, span.end) for span in (node.name, node.value) if span is not None]
    last = node
    for _ in range(_DEEPEST):
        if not last.children:
            break
        last = last.children[-1]
        ends += [(span.line, span.end) for span in (last.name, last.value) if span is not None]
    if node.closed:
        ends.append(node.closed)
    elif node.last_line > node.line:
        ends.append((node.last_line, len(lines[node.last_line].rstrip())))
    return Stretch(start, max([start, *ends]))


def _stretch(span: Span) -> Stretch:
    return Stretch((span.line, span.start), (span.line, span.end))


def _text(span: Span | None, lines: Sequence[str]) -> str:
    return unquoted(lines[span.line][span.start : span.end]) if span else ""
