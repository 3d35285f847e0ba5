"""A sample in the outline: called by its first words of the user, with its messages or texts below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lintune_schemas.samples import Kind
from lintune_server.language_server.datasets.words import first_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lintune_schemas.samples import Field, Message, Path
    from lintune_server.lint.json_source import Node, Span
    from lintune_server.lint.sample import Line

_NOTHING = "(empty)"
"""Editors refuse symbols without a name."""


class Entry(NamedTuple):
    """A symbol: columns are half-open, in code points."""

    name: str
    detail: str
    span: Span
    parts: Sequence[Entry] = ()


def entry_of(line: Line, *, deep: bool) -> Entry | None:
    """None for a line that holds no object. deep: with its messages or texts."""
    if line.sample is None:
        return None
    top = line.positions
    parts = list(_parts(line, top)) if deep else []
    detail = line.format.value if line.format else "unknown format"
    return Entry(_name(line), detail, (top.start, top.end), parts)


def _name(line: Line) -> str:
    texts = line.texts
    asked = next((text.text for text in texts if text.role == "user" and text.text.strip()), None)
    if asked is None:
        strings = [text.text for text in texts] or list((line.sample or {}).values())
        asked = next((text for text in strings if isinstance(text, str) and text.strip()), "")
    return first_words(asked) or _NOTHING


def _parts(line: Line, top: Node) -> Iterator[Entry]:
    if line.sample is None or line.layout is None:
        return
    is_chat = sum(one.kind.holds_messages for one in line.layout.fields) == 1
    lists = {messages[0].path[0]: messages for messages in line.message_lists if messages}
    for one in line.layout.fields:
        value = line.sample.get(one.key)
        if one.key in lists:
            messages = [_of_message(message, top) for message in lists[one.key]]
            if is_chat:
                yield from messages
            else:
                yield _entry(
                    one.key, f"{len(messages)} message{'s' if len(messages) > 1 else ''}", (one.key,), top, messages
                )
        elif one.kind is Kind.SEGMENTS:
            for segment in line.segments:
                text = segment.text if isinstance(segment.text, str) else ""
                yield _entry("learned" if segment.learned else "read", first_words(text), segment.path, top)
        elif one.key in line.sample:
            yield _entry(one.key, _detail(one, value), (one.key,), top)


def _detail(field: Field, value: Any) -> str:
    if isinstance(value, str) and field.kind is not Kind.TOOLS:
        return first_words(value)
    return str(len(value)) if isinstance(value, list) else ""


def _of_message(message: Message, top: Node) -> Entry:
    role = message.raw_role if isinstance(message.raw_role, str) else ""
    content = message.content
    if isinstance(content, list):
        content = next((part["text"] for part in content if isinstance(part, dict) and "text" in part), "")
    return _entry(
        first_words(role) or _NOTHING, first_words(content) if isinstance(content, str) else "", message.path, top
    )


def _entry(name: str, detail: str, path: Path, top: Node, parts: Sequence[Entry] = ()) -> Entry:
    node = top.at(path)
    span = node.start, node.end
    return Entry(name or _NOTHING, detail, span, parts)
