"""Values in brackets, `[a, {b: c}]`, over as many lines as they have, also when they are not closed (yet)."""

from __future__ import annotations

from dataclasses import dataclass

from lintune_server.language_server.recipes.nodes import Node, Span
from lintune_server.language_server.recipes.scalars import quote_end, skip_spaces, unquoted

Place = tuple[int, int]
"""A line and a column."""

_BRACKETS = frozenset(",[]{}")


@dataclass(slots=True, eq=False)
class Slot:
    """The place of one item or one pair: between two commas, or a comma and a bracket."""

    holder: Node
    """Whose value the brackets are."""
    start: Place
    node: Node | None = None
    """The item, or the pair's key; None as long as it is nothing, or a word alone in a mapping."""
    colon: Place | None = None
    word: Span | None = None
    """What is written last: the value, or the key when no colon follows yet."""
    end: Place | None = None

    @property
    def in_mapping(self) -> bool:
        return self.holder.opener == "{"


class Flow:
    """Reads one value in brackets, piece by piece."""

    def __init__(self, owner: Node) -> None:
        self.owner = owner
        self.comment: int | None = None
        """Where the comment of the line read last begins."""
        self._open: list[Slot] = []
        self._slots: list[Slot] = []

    def read(self, line: int, text: str, column: int) -> int | None:
        """Read a line from a column on. Returns the column behind the last bracket, None when it did not come."""
        self.comment = None
        at = column
        while True:
            at = skip_spaces(text, at)
            if at >= len(text):
                return None
            char = text[at]
            if char == "#" and (at == 0 or text[at - 1] in " \t"):
                self.comment = at
                return None
            if char in "[{":
                self._begin(char, (line, at))
            elif char in "]}":
                slot = self._open.pop()
                slot.end = (line, at)
                slot.holder.closed = (line, at + 1)
                if not self._open:
                    return at + 1
            elif char == ",":
                slot = self._open.pop()
                slot.end = (line, at)
                self._slot(slot.holder, (line, at + 1))
            elif char == ":" and self._is_colon(text, at):
                self._colon((line, at), text)
            else:
                end = _word_end(text, at)
                self._word(Span(line, at, end))
                at = end
                continue
            at += 1

    def slots_on(self, line: int) -> list[Slot]:
        """Those that reach into a line, inner ones behind outer ones."""
        return [slot for slot in self._slots if slot.start[0] <= line and (slot.end is None or slot.end[0] >= line)]

    def _begin(self, opener: str, place: Place) -> None:
        holder = self.owner if not self._open else self._item(place)
        holder.opener = opener
        holder.value = None
        self._slot(holder, (place[0], place[1] + 1))

    def _slot(self, holder: Node, start: Place) -> None:
        self._open.append(Slot(holder, start))
        self._slots.append(self._open[-1])

    def _item(self, place: Place) -> Node:
        """What the slot that is being read holds; brackets in a mapping that have no key get a number."""
        slot = self._open[-1]
        if slot.node is None:
            slot.node = Node(slot.holder.items, slot.holder, *place, last_line=place[0])
            slot.holder.children.append(slot.node)
        return slot.node

    def _word(self, span: Span) -> None:
        slot = self._open[-1]
        slot.word = span
        if not slot.in_mapping or slot.colon is not None:
            node = self._item((span.line, span.start))
            if not node.opener:
                node.value = span

    def _colon(self, place: Place, text: str) -> None:
        """What was a word is a key, in a list that of a mapping with one pair."""
        slot = self._open[-1]
        name, slot.word, slot.colon = slot.word, None, place
        if name is None or name.line != place[0]:
            return
        parent = slot.holder
        if not slot.in_mapping:
            parent = self._item(place)
            parent.value = None
        key = unquoted(text[name.start : name.end])
        slot.node = Node(key, parent, name.line, name.start, name, last_line=name.line)
        parent.children.append(slot.node)

    def _is_colon(self, text: str, at: int) -> bool:
        slot = self._open[-1]
        if slot.colon is not None:
            return False
        quoted = slot.word is not None and text[slot.word.end - 1 : slot.word.end] in ('"', "'")
        return quoted or _parts(text, at)


def _parts(text: str, at: int) -> bool:
    """Whether a colon is one between a key and its value."""
    return text[at + 1 : at + 2] in ("", " ", "\t", *_BRACKETS)


def _word_end(text: str, column: int) -> int:
    if text[column] in "\"'":
        return quote_end(text, column)
    at = column + 1
    while at < len(text) and text[at] not in _BRACKETS:
        if (text[at] == ":" and _parts(text, at)) or (text[at] == "#" and text[at - 1] in " \t"):
            break
        at += 1
    return column + len(text[column:at].rstrip(" \t"))
