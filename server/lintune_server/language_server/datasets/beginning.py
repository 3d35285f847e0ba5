"""An answer that is being written at the cursor: its beginning, the conversation before it, and what may follow it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from lintune_schemas import conversations
from lintune_server.language_server.datasets import cursor as cursors
from lintune_server.language_server.datasets.place import Place
from lintune_server.language_server.datasets.reader import LONGEST

if TYPE_CHECKING:
    from lintune_schemas.conversations import Conversation
    from lintune_schemas.samples import Path
    from lintune_server.language_server.datasets.reader import Reader

_HALF_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\(?:u[0-9a-fA-F]{0,3})?\Z")
_LAST_WORD = re.compile(r"\s?(?:\w{1,24}|[^\w\s]{1,8}|\s+)\Z")
_NO_LINE_ENDS = {ord(char): f"\\u{ord(char):04x}" for char in "\x7f\x85\u2028\u2029"}
"""Allowed in JSON, but some editors end a line there, and others do not show them."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """before: the conversation up to the answer. typed: what is there of it."""

    before: Conversation
    typed: str
    ascii: bool
    """Whether the line writes other characters as escapes."""

    def written(self, text: str) -> str:
        """A text as it stands in the answer's string, in JSON."""
        return json.dumps(text, ensure_ascii=self.ascii)[1:-1].translate(_NO_LINE_ENDS)


def find(reader: Reader, line: str, column: int) -> Beginning | None:
    """What is written before the cursor, where that is at the end of a text that the model learns to write."""
    if len(line) > LONGEST:
        return None
    cursor = cursors.find(line, column)
    if not cursor.quoted or cursor.is_key or line[column : cursor.end] not in ("", '"'):
        return None
    if _HALF_ESCAPE.search(line, cursor.start, column):
        return None
    try:
        read = reader.line(orjson.dumps(cursor.sample).decode())
    except (TypeError, ValueError):
        return None
    layout = read.layout or reader.layout
    if layout is None or not Place(cursor, read, layout, reader).is_answer:
        return None
    sample = _upto(cursor.sample, cursor.path, cursor.typed)
    try:
        conversation = conversations.read(sample, layout)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    index = next((index for index, turn in enumerate(conversation.turns) if turn.path == cursor.path), None)
    if index is None:
        return None
    return Beginning(conversation.upto(index), cursor.typed, line.isascii() and "\\u" in line)


def safe(typed: str) -> int:
    """How much of a beginning is sure to be whole tokens: all but its last word with the space before it, or its last
    signs. Half a word has other tokens than the whole one, and hardly ever what the model would write next."""
    last = _LAST_WORD.search(typed)
    return last.start() if last else len(typed)


def _upto(sample: dict[str, Any], path: Path, typed: str) -> dict[str, Any]:
    """The sample with the answer's beginning in its place, and no message behind it."""
    key, *below = path
    if not below:
        return {**sample, key: typed}  # type: ignore[dict-item]  # the first step into a sample is a key
    number, content = below
    messages = sample[key]  # type: ignore[index]
    return {**sample, key: [*messages[:number], {**messages[number], content: typed}]}  # type: ignore[dict-item]
