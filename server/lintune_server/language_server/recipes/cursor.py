"""What may be written where the cursor is: a key of which mapping, the value of which key, an item of which list."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lintune_server.language_server.recipes.nodes import Node, Path, Span
from lintune_server.language_server.recipes.outline import Outline, Watched
from lintune_server.language_server.recipes.scalars import comment_start, is_closed, quote_end
from lintune_server.lint.lines import without_end

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_server.language_server.recipes.flow import Slot


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place where something can be written. Columns are code points."""

    path: Path
    """Of the mapping that gets a key, or of what gets a value."""
    start: int
    end: int
    """What is written there already, and is to be replaced."""
    key: bool = False
    """A key of the mapping at the path may stand here."""
    value: bool = False
    """A value for the path may stand here."""
    item: bool = False
    """A dash and an item of the list at the path may stand here."""
    present: frozenset[str] = frozenset()
    """Keys that the mapping has already, elsewhere."""
    items: tuple[Span, ...] = ()
    """Where the other items of the list stand, when this is one."""
    column: int = 0
    """Where the line's own text begins: what goes on below is indented by it."""
    has_colon: bool = False
    """Behind the key a colon follows already."""
    lead: str = ""
    """A space that is missing before what is written: behind a colon, or a dash."""
    quote: str = ""
    """The value is between these."""
    closing: str = ""
    """The second quote when it is missing."""
    in_brackets: bool = False


def find(lines: Sequence[str], line: int, column: int) -> Cursor | None:
    """What fits at a position, in code points. None where nothing does: in a comment, behind a value, in a text."""
    if not 0 <= line < len(lines):
        return None
    text = without_end(lines[line])
    column = min(max(column, 0), len(text))
    seen = Outline(lines, line).watched
    if seen.comment is not None and column > seen.comment:
        return None
    slots = [
        slot for slot in seen.slots if slot.start <= (line, column) and (slot.end or (line, column)) >= (line, column)
    ]
    if slots:
        found = _in_brackets(slots[-1], line, column)
    elif seen.hidden:
        return None
    else:
        found = _in_block(seen, text, line, column)
    return _inside_quotes(found, text, column) if found else None


def _in_block(seen: Watched, text: str, line: int, column: int) -> Cursor | None:
    if not text.strip():
        return _on_own_line(_parent(seen.before, column), column, line, Span(line, column, column))
    if seen.nodes and seen.nodes[-1].name is not None:
        return _beside_key(seen.nodes[-1], seen.nodes[-1].name, text, line, column)
    if column < seen.content:
        return None
    if seen.nodes:
        found = _behind_dash(seen.nodes[-1], seen.content, line, column)
        return replace(found, lead=" ") if found and text[:column].endswith("-") and found.start == column else found
    return _on_own_line(_parent(seen.before, seen.content), seen.content, line, _word(text, line, seen.content, column))


def _parent(before: Sequence[Node], column: int) -> Node:
    """What a line that begins at a column is inside of."""
    return next((node for node in reversed(before) if node.column < column), before[0])


def _word(text: str, line: int, content: int, column: int) -> Span | None:
    """The text of a line without a key; None when the cursor is behind it."""
    end = (
        quote_end(text, content) if text[content] in "\"'" else len(text[: comment_start(text, content)].rstrip(" \t"))
    )
    return Span(line, content, end) if column <= end else None


def _on_own_line(parent: Node, column: int, line: int, word: Span | None) -> Cursor | None:
    written = parent.value is not None and parent.value.line != line
    if word is None or written or parent.opener or any(child.column != column for child in parent.children):
        return None
    fresh = parent.parent is not None and not parent.children
    return Cursor(
        parent.path,
        word.start,
        word.end,
        key=fresh or parent.items == 0,
        value=fresh,
        item=fresh or parent.items > 0,
        present=parent.keys,
        items=_values(parent),
        column=column,
    )


def _behind_dash(item: Node, content: int, line: int, column: int) -> Cursor | None:
    word = item.value
    if item.opener or (word is not None and not word.has(line, column)):
        return None
    assert item.parent is not None
    return Cursor(
        item.path,
        word.start if word else column,
        word.end if word else column,
        key=True,
        value=not item.children,
        present=item.keys,
        items=_values(item.parent, item),
        column=content,
    )


def _beside_key(node: Node, name: Span, text: str, line: int, column: int) -> Cursor | None:
    colon = text.index(":", name.end)
    if column <= colon:
        return _renamed(node, name, line, column)
    if node.opener or node.children or (node.value is not None and not node.value.has(line, column)):
        return None
    start, end = (node.value.start, node.value.end) if node.value else (column, column)
    return Cursor(node.path, start, end, value=True, column=node.column, lead=_lead(column, colon))


def _renamed(node: Node, name: Span, line: int, column: int) -> Cursor | None:
    if not name.has(line, column):
        return None
    assert node.parent is not None
    others = frozenset(child.key for child in node.parent.children if isinstance(child.key, str) and child is not node)
    return Cursor(node.parent.path, name.start, name.end, key=True, present=others, column=node.column, has_colon=True)


def _in_brackets(slot: Slot, line: int, column: int) -> Cursor | None:
    node = slot.node
    if slot.colon is not None and node is not None and node.name is not None and (line, column) <= slot.colon:
        found = _renamed(node, node.name, line, column)
        return replace(found, in_brackets=True) if found else None
    word = slot.word
    if (node is not None and node.opener) or (word is not None and not word.has(line, column)):
        return None
    holder = slot.holder
    start, end = (word.start, word.end) if word else (column, column)
    if slot.colon is not None:
        lead = _lead(column, slot.colon[1]) if slot.colon[0] == line else ""
        path = node.path if node else holder.path
        return Cursor(path, start, end, value=True, lead=lead, in_brackets=True)
    if slot.in_mapping:
        return Cursor(holder.path, start, end, key=True, present=holder.keys, in_brackets=True)
    before = sum((child.line, child.column) < (line, column) for child in holder.children)
    path = node.path if node else (*holder.path, before)
    return Cursor(path, start, end, value=True, items=_values(holder, node), in_brackets=True)


def _lead(column: int, colon: int) -> str:
    return " " if column == colon + 1 else ""


def _values(parent: Node, but: Node | None = None) -> tuple[Span, ...]:
    """Where the scalars of a list stand."""
    return tuple(
        child.value
        for child in parent.children
        if child.value is not None and child is not but and isinstance(child.key, int)
    )


def _inside_quotes(found: Cursor, text: str, column: int) -> Cursor | None:
    quote = text[found.start : found.start + 1]
    if quote not in ('"', "'") or not quote or found.start == found.end:
        return found
    closed = is_closed(text[found.start : found.end])
    start, end = found.start + 1, found.end - 1 if closed else column
    if not start <= column <= end:
        return None
    return replace(found, start=start, end=end, quote=quote, closing="" if closed else quote)
