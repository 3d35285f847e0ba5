"""The keys and items of a recipe, with their places."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from lintune_server.lint.findings import Position, Range

if TYPE_CHECKING:
    from collections.abc import Iterator

Path = tuple[str | int, ...]
"""Keys, and numbers of a list's items, from the top."""


class Span(NamedTuple):
    """A piece of one line: from column to column, in code points."""

    line: int
    start: int
    end: int

    def has(self, line: int, column: int) -> bool:
        """Whether a position is in it, or right behind it, as a cursor is."""
        return line == self.line and self.start <= column <= self.end

    @property
    def range(self) -> Range:
        return Range(Position(self.line, self.start), Position(self.line, self.end))


@dataclass(slots=True, eq=False)
class Node:
    """A key or a list's item, with its value: a scalar, or what is below it. The top is one, too."""

    key: str | int
    parent: Node | None
    line: int
    column: int
    """Of the key, or the item's dash; in brackets, of the key or the item."""
    name: Span | None = None
    """Where the key stands, quotes included; None for an item."""
    value: Span | None = None
    """Where a scalar stands, quotes included."""
    opener: str = ""
    """`[` or `{` of a value in brackets, `|` or `>` of a text in block style."""
    children: list[Node] = field(default_factory=list)
    closed: tuple[int, int] | None = None
    """The line, and the column behind the bracket, where a value in brackets ends; None while it is open."""
    last_line: int = 0

    @property
    def path(self) -> Path:
        parts: list[str | int] = []
        node = self
        while node.parent is not None:
            parts.append(node.key)
            node = node.parent
        return tuple(reversed(parts))

    @property
    def empty(self) -> bool:
        """Whether nothing stands there yet."""
        return self.value is None and not self.opener and not self.children

    @property
    def keys(self) -> frozenset[str]:
        """The keys of a mapping."""
        return frozenset(child.key for child in self.children if isinstance(child.key, str))

    @property
    def items(self) -> int:
        """How many items a list has."""
        last = self.children[-1].key if self.children else None
        return last + 1 if isinstance(last, int) else 0

    def child(self, key: str | int) -> Node | None:
        return next((child for child in self.children if child.key == key), None)

    def at(self, path: Path) -> Node | None:
        """What stands at a path below; None when nothing does."""
        node: Node | None = self
        for key in path:
            node = node.child(key) if node else None
        return node

    def walk(self) -> Iterator[Node]:
        """Everything below, in the order of the text."""
        waiting = list(reversed(self.children))
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))
