"""What stands in a sample, whatever is wrong with it: its messages, its segments, its texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lintune_schemas.samples import FUNCTION_CALL, Kind, Message, Segment, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.samples import Field, Layout, MessageKeys, Path, Sample


def message_lists_of(sample: Sample, layout: Layout) -> list[list[Message]]:
    """The lists of messages in a sample: one for chats, up to three for preference pairs, none for plain texts."""
    lists = (
        messages_under(sample, one.key, layout.message, learned=one.learned)
        for one in layout.fields
        if one.kind.holds_messages
    )
    return [messages for messages in lists if messages is not None]


def messages_under(sample: Sample, key: str, keys: MessageKeys, *, learned: bool) -> list[Message] | None:
    """The messages under a key; None when there is no list."""
    value = sample.get(key)
    if isinstance(value, list):
        return [Message(one, (key, index), keys, learned) for index, one in enumerate(value)]
    return None


def segments_of(sample: Sample, layout: Layout) -> list[Segment]:
    """The segments of raw text; none in other formats."""
    found: list[Segment] = []
    for one in layout.fields:
        if one.kind is Kind.SEGMENTS and isinstance(values := sample.get(one.key), list):
            found += [Segment(value, (one.key, index)) for index, value in enumerate(values)]
    return found


def texts_of(sample: Sample, layout: Layout) -> list[Text]:
    """Every string of a sample that reaches the model; values that should be strings and are none are left out."""
    found: list[Text] = []
    for one in layout.fields:
        value = sample.get(one.key)
        if isinstance(value, str):
            if one.kind.holds_text:
                found.append(Text((one.key,), value, one.learned, one.role))
        elif isinstance(value, list):
            if one.kind.holds_messages:
                found += _texts_of_messages(value, one, layout.message)
            elif one.kind is Kind.SEGMENTS:
                found += [
                    Text(segment.text_path, segment.text, segment.learned, None)
                    for segment in segments_of(sample, layout)
                    if isinstance(segment.text, str)
                ]
    return found


def _texts_of_messages(messages: list[Any], of: Field, keys: MessageKeys) -> Iterator[Text]:
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            continue
        raw = message.get(keys.role)
        role = keys.roles.get(raw) if isinstance(raw, str) else None
        learned = of.learned and role is not None and keys.learns(message, role)
        content = message.get(keys.content)
        if isinstance(content, str):
            yield Text((of.key, index, keys.content), content, learned, role)
        elif isinstance(content, list):
            for path, text in text_parts(content, (of.key, index, keys.content)):
                yield Text(path, text, learned, role)


def text_parts(content: Any, path: Path) -> list[tuple[Path, str]]:
    """The strings of a message's content, which is a string or a list of parts `{"type": "text", "text": …}`."""
    if isinstance(content, str):
        return [(path, content)]
    if not isinstance(content, list):
        return []
    return [
        ((*path, index, "text"), part["text"])
        for index, part in enumerate(content)
        if isinstance(part, dict) and isinstance(part.get("text"), str)
    ]


def is_plain(sample: Sample, layout: Layout) -> bool:
    """Whether one glance shows that a sample has all that its format asks for, and nothing out of the ordinary.

    Every required key is there and holds text, with no white space around it; messages are nothing but known roles and
    text, a system's perhaps, then the user's and the assistant's in turn. Most samples are so, and need no closer look.
    """
    for one in layout.fields:
        value = sample.get(one.key)
        if value is None:
            # The prompt of a preference pair is not always needed: that takes a closer look.
            if one.required or one.key in sample or one.kind is Kind.TEXT_OR_MESSAGES:
                return False
        elif type(value) is list:
            if one.kind is not Kind.MESSAGES or not _is_plain_chat(value, layout.message):
                return False
        elif (
            type(value) is not str or not one.kind.holds_text or value.strip() != value or (one.required and not value)
        ):
            return False
    return True


def _is_plain_chat(messages: list[Any], keys: MessageKeys) -> bool:
    role_key, content_key, roles = keys.role, keys.content, keys.roles
    expected = "user"
    for index, message in enumerate(messages):
        if type(message) is not dict or len(message) != 2:
            return False
        raw, content = message.get(role_key), message.get(content_key)
        if type(raw) is not str or type(content) is not str or not content or content.strip() != content:
            return False
        role = roles.get(raw)
        if role == expected and raw != FUNCTION_CALL:
            expected = "assistant" if role == "user" else "user"
        elif index or role != "system":
            return False
    return expected == "user" and len(messages) > 1 and "assistant" in keys.learned_roles
