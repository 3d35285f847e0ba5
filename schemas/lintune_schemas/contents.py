"""What stands in a sample, whatever is wrong with it: its messages, its segments, its texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lintune_schemas.samples import (
    FUNCTION_CALL,
    SEGMENT_LABEL,
    SEGMENT_TEXT,
    Kind,
    Message,
    SampleFormat,
    Segment,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.samples import Field, Layout, MessageKeys, Path, Sample


def message_lists_of(sample: Sample, layout: Layout) -> list[list[Message]]:
    """The lists of messages in a sample: one for chats, up to three for preference pairs, none for plain texts."""
    keys, lists = layout.message, []
    for one in layout.fields:
        if one.kind.holds_messages and isinstance(values := sample.get(one.key), list):
            key, learned = one.key, one.learned
            lists.append([Message(value, (key, index), keys, learned) for index, value in enumerate(values)])
    return lists


def segments_of(sample: Sample, layout: Layout) -> list[Segment]:
    """The segments of raw text; none in other formats."""
    found: list[Segment] = []
    for one in layout.fields:
        if one.kind is Kind.SEGMENTS and isinstance(values := sample.get(one.key), list):
            found += [Segment(value, (one.key, index)) for index, value in enumerate(values)]
    return found


class Spoken(NamedTuple):
    """One turn of a thread, before anybody has looked whether it is right."""

    role: str | None
    """None when its message has none that the format knows."""
    message: Message | None
    """None for a text that is a turn by itself."""
    path: Path

    @property
    def role_path(self) -> Path:
        return self.message.role_path if self.message else self.path


class Thread(NamedTuple):
    """The turns of one conversation in a sample: of a preference pair there are two."""

    turns: list[Spoken]
    start: int
    """Turns before it are those of an earlier thread, too: a problem with them has been said."""
    answer: Path
    """Where the part stands that is learned from."""


def threads_of(sample: Sample, layout: Layout) -> list[Thread]:
    """The conversations in a sample that has lists of messages; none in one without."""
    given: list[Spoken] = []
    answers: list[tuple[Path, list[Spoken]]] = []
    any_list = False
    for one in layout.fields:
        value = sample.get(one.key)
        spoken: list[Spoken] = []
        if isinstance(value, list) and one.kind.holds_messages:
            any_list = True
            for index, item in enumerate(value):
                message = Message(item, (one.key, index), layout.message, one.learned)
                spoken.append(Spoken(message.role, message, message.path))
        elif isinstance(value, str) and value and one.kind.holds_text and not is_repeated(one, sample, layout):
            spoken.append(Spoken(one.role, None, (one.key,)))
        if one.learned and spoken:
            answers.append(((one.key,), spoken))
        else:
            given += spoken
    if not any_list:
        return []
    return [Thread(given + spoken, len(given) if index else 0, key) for index, (key, spoken) in enumerate(answers)]


def is_repeated(one: Field, sample: Sample, layout: Layout) -> bool:
    """Whether the text of a prompt is also at the beginning of each answer, which is a list of messages.

    So are many data sets of preference pairs (UltraFeedback binarized); TRL, too, then takes the prompt from there.
    """
    if layout.format is not SampleFormat.PREFERENCE or one.name != "prompt":
        return False
    answers = [sample.get(key) for key in layout.learned]
    return all(
        isinstance(answer, list) and answer and Message(answer[0], (), layout.message, True).role != "assistant"
        for answer in answers
    )


def texts_of(sample: Sample, layout: Layout) -> list[Text]:
    """Every string of a sample that reaches the model; values that should be strings and are none are left out."""
    found: list[Text] = []
    for one in layout.fields:
        value = sample.get(one.key)
        if isinstance(value, str):
            if one.kind.holds_text and not is_repeated(one, sample, layout):
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
    has_system = False
    for one in layout.fields:
        value = sample.get(one.key)
        if value is None:
            if one.required or one.key in sample:
                return False
        elif type(value) is list:
            if one.kind is Kind.MESSAGES:
                if not _is_plain_chat(value, layout.message, has_system):
                    return False
            elif one.kind is not Kind.SEGMENTS or not _are_plain_segments(value):
                return False
        elif type(value) is not str or not one.kind.holds_text or not _is_plain_text(value, one, layout):
            return False
        elif value and one.role == "system":
            has_system = True
    return True


def _is_plain_text(text: str, of: Field, layout: Layout) -> bool:
    stripped = text.strip()
    may_be_empty = not of.required and of.name != "prompt"
    return (stripped == text or not layout.templated) and (stripped != "" or may_be_empty)


def _is_plain_chat(messages: list[Any], keys: MessageKeys, has_system: bool) -> bool:
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
        elif index or has_system or role != "system":
            return False
    return expected == "user" and len(messages) > 1 and "assistant" in keys.learned_roles


def _are_plain_segments(segments: list[Any]) -> bool:
    any_learned = False
    for segment in segments:
        if type(segment) is not dict or len(segment) != 2:
            return False
        label, text = segment.get(SEGMENT_LABEL), segment.get(SEGMENT_TEXT)
        if type(label) is not bool or type(text) is not str or not text:
            return False
        any_learned = any_learned or (label and not text.isspace())
    return any_learned
