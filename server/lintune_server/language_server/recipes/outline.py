"""A recipe's keys and their places, read from its lines even when they are not YAML at the moment.

A recipe that is being written is broken most of the time: a key without a colon, a bracket that is still open. A YAML
reader gives up there, so this one goes by indentation, line by line, and takes each for what it looks like. What it
makes of good YAML is what YAML makes of it, but for quoted texts over several lines, which nobody writes in recipes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lintune_server.language_server.recipes.flow import Flow, Slot
from lintune_server.language_server.recipes.nodes import Node, Span
from lintune_server.language_server.recipes.scalars import comment_start, key_end, quote_end, skip_spaces, unquoted
from lintune_server.lint.lines import without_end

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST = 20_000
"""Characters of a line that are read. What a person completes stands before them."""
_MOST_LINES = 2_000
"""Lines that are read, in about ten milliseconds. The longest of Axolotl's examples have 200."""
_PROPERTIES = re.compile(r"(?:[&!][^\s\[\]{},]*[ \t]+|[&!][^\s\[\]{},]*$)+")
"""An anchor, a tag: they stand before a value and are no part of it."""
_TOP_KEY = re.compile(r"[A-Za-z_]\w*[ \t]*:")
_BLOCK_TEXT = re.compile(r"[|>][-+0-9]*[ \t]*(?:#.*)?$")


@dataclass(slots=True)
class Watched:
    """What was seen of the line that the cursor is in."""

    before: list[Node] = field(default_factory=list)
    """What was open above it, from the top inwards."""
    nodes: list[Node] = field(default_factory=list)
    """Keys and items that begin on it."""
    slots: list[Slot] = field(default_factory=list)
    """Places between brackets that reach into it."""
    content: int = 0
    """The column behind indentation and dashes."""
    comment: int | None = None
    """Where its comment begins."""
    hidden: bool = False
    """It is in a text in block style, begins in brackets, or is for the reader of YAML alone, as `---` is."""


class Outline:
    """The keys of a recipe. lines: with or without their ends. watch: the line that the cursor is in.

    Of a recipe of many thousand lines, which no person writes, those around the watched one are read.
    """

    def __init__(self, lines: Sequence[str], watch: int = -1) -> None:
        first, last = _window(lines, max(watch, 0))
        self.root = Node("", None, first, -1)
        self.watched = Watched()
        self._watch = watch
        self._stack = [self.root]
        self._text_below: int | None = None
        """The column below whose right side lines are text in block style."""
        self._flow: Flow | None = None
        for number in range(first, last):
            self._read(number, without_end(lines[number])[:_LONGEST])

    def _read(self, number: int, text: str) -> None:
        content = text.lstrip(" \t\ufeff")
        indent = len(text) - len(content)
        if self._flow and self._ends_flow(content, indent):
            self._flow = None
        in_text = self._in_text(content, indent)
        if number == self._watch:
            self.watched.before = list(self._stack)
            self.watched.hidden = in_text or self._flow is not None
            self.watched.content = indent
        if in_text:
            self._close_at(number)
        elif self._flow:
            self._read_flow(number, text, 0)
        elif content.startswith("#"):
            self._comment(number, indent)
        elif indent == 0 and content.startswith(("---", "...", "%")):
            self._stack = [self.root]
            self.watched.hidden |= number == self._watch
        elif content:
            self._read_block(number, text, indent)

    def _in_text(self, content: str, indent: int) -> bool:
        if self._text_below is not None and (indent > self._text_below or not content):
            return indent > self._text_below
        if content:
            self._text_below = None
        return False

    def _open_at(self, column: int) -> list[Node]:
        """What a line that begins at a column is inside of."""
        stack = list(self._stack)
        while stack[-1].column >= column and len(stack) > 1:
            stack.pop()
        return stack

    def _close_at(self, number: int) -> None:
        for node in self._stack:
            node.last_line = number

    def _read_block(self, number: int, text: str, column: int) -> None:
        while text[column] == "-" and text[column + 1 : column + 2] in ("", " ", "\t"):
            self._item(number, column)
            column = skip_spaces(text, column + 1)
            if number == self._watch:
                self.watched.content = column
            if column >= len(text):
                return
        colon = key_end(text, column)
        if colon is None:
            self._stray(number, text, column)
            return
        self._stack = self._open_at(column)
        parent = self._stack[-1]
        end = len(text[:colon].rstrip(" \t"))
        node = Node(unquoted(text[column:end]), parent, number, column, Span(number, column, end))
        self._push(node)
        self._value(node, number, text, colon + 1)

    def _item(self, number: int, column: int) -> None:
        stack = self._stack
        # A list may stand right below its key: `datasets:`, and the dash under the d.
        while len(stack) > 1 and (
            stack[-1].column > column
            or (stack[-1].column == column and (isinstance(stack[-1].key, int) or stack[-1].value is not None))
        ):
            stack.pop()
        parent = stack[-1]
        self._push(Node(parent.items, parent, number, column))

    def _push(self, node: Node) -> None:
        assert node.parent is not None
        node.parent.children.append(node)
        self._stack.append(node)
        self._close_at(node.line)
        if node.line == self._watch:
            self.watched.nodes.append(node)

    def _stray(self, number: int, text: str, column: int) -> None:
        """Text that is no key (yet): the value of what is open above, the rest of one, or a key being written."""
        if self._stack[-1].line != number:
            stack = self._open_at(column)
            if not stack[-1].empty or (len(stack) == 1 and text[column] not in "[{"):
                self._comment(number, comment_start(text, column))
                self._close_at(number)
                return
            self._stack = stack
        self._value(self._stack[-1], number, text, column)
        self._close_at(number)

    def _value(self, node: Node, number: int, text: str, column: int) -> None:
        column = skip_spaces(text, column)
        if properties := _PROPERTIES.match(text, column):
            column = properties.end()
        if column >= len(text):
            return
        if _BLOCK_TEXT.match(text, column):
            node.opener = text[column]
            self._text_below = node.column
        elif text[column] in "[{":
            self._flow = Flow(node)
            self._read_flow(number, text, column)
        else:
            comment = comment_start(text, column)
            self._comment(number, comment)
            end = quote_end(text, column) if text[column] in "\"'" else len(text[:comment].rstrip(" \t"))
            if end > column:
                node.value = Span(number, column, end)

    def _read_flow(self, number: int, text: str, column: int) -> None:
        flow = self._flow
        assert flow is not None
        end = flow.read(number, text, column)
        self._close_at(number)
        if number == self._watch:
            self.watched.slots = flow.slots_on(number)
            self.watched.comment = flow.comment
        if end is not None:
            self._flow = None
            if number == self._watch and flow.comment is None:
                self._comment(number, comment_start(text, end))

    def _ends_flow(self, content: str, indent: int) -> bool:
        """Whether an open bracket was forgotten: the line goes on with what brackets do not have."""
        assert self._flow is not None
        owner = self._flow.owner
        if not content or indent > owner.column or owner.column < 0:
            return False
        return content[0] == "-" or key_end(content, 0) is not None

    def _comment(self, number: int, column: int | None) -> None:
        if number == self._watch and column is not None:
            self.watched.comment = column


def _window(lines: Sequence[str], line: int) -> tuple[int, int]:
    """The lines to read: all, or those around one, from a key of the top level on."""
    if len(lines) <= _MOST_LINES:
        return 0, len(lines)
    first = max(line - _MOST_LINES // 2, 0)
    begins = next((n for n in range(min(line, len(lines) - 1), first, -1) if _TOP_KEY.match(lines[n])), first)
    return begins, min(begins + _MOST_LINES, len(lines))
