"""Sample formats: which keys a training sample has, and the messages and texts that are found under them.

This module and `conversations` (what is trained on) are the only ones that know the field names of formats.
Everything behind them (chat rendering, rules, training) sees messages, texts and turns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

Path = tuple[str | int, ...]
"""Where a value is in a sample: keys and indices from the top, as in `("messages", 0, "content")`."""

Sample = dict[str, Any]


class SampleFormat(StrEnum):
    """The shapes of samples that Lintune reads, each after the tool or data set that made it common."""

    CHAT = "chat"
    """OpenAI chat: `{"messages": [{"role": …, "content": …}, …]}`, perhaps with `tools` and `tool_calls`."""
    SHAREGPT = "sharegpt"
    """`{"conversations": [{"from": "human", "value": …}, …]}`."""
    PREFERENCE = "preference"
    """`{"prompt": …, "chosen": …, "rejected": …}`, texts or lists of messages, as TRL reads them."""
    INPUT_OUTPUT = "input_output"
    """`{"segments": [{"label": true, "text": …}, …]}`: raw text, learned where the label is true. Axolotl's."""
    ALPACA = "alpaca"
    """`{"instruction": …, "input": … (optional), "output": …}`, after Stanford Alpaca."""
    PROMPT_COMPLETION = "prompt-completion"
    """`{"prompt": …, "completion": …}`, texts or lists of messages."""
    TEXT = "text"
    """`{"text": …}`: raw text, all of it learned."""


ROLES = ("system", "developer", "user", "assistant", "tool")
"""The roles of OpenAI chat."""

ROLE_ALIASES = {
    "human": "user",
    "gpt": "assistant",
    "bot": "assistant",
    "chatbot": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "function": "tool",
}
"""Other people's names for them; compared without case."""

_OPENAI_ROLES = {role: role for role in ROLES}
_SHAREGPT_ROLES = {
    **_OPENAI_ROLES,
    "human": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "function_call": "assistant",
    "observation": "tool",
    "function": "tool",
}

IGNORE_KEY = "_lintune_ignore"
"""Rule codes that a sample's author has looked at and accepts. Never trained on."""


@dataclass(frozen=True, slots=True)
class MessageKeys:
    """How one message of a list is written: its keys, and what the names of roles stand for."""

    role: str = "role"
    content: str = "content"
    roles: Mapping[str, str] = field(default_factory=lambda: _OPENAI_ROLES)


OPENAI_MESSAGE = MessageKeys()


@dataclass(frozen=True, slots=True)
class Layout:
    """A format's keys in a data set: those a sample needs, those it may have, and which hold what is learned.

    A recipe may give them other names (`field_instruction: question`); `keys` goes from a format's own name to that.
    """

    format: SampleFormat
    required: tuple[str, ...]
    optional: tuple[str, ...]
    learned: tuple[str, ...]
    """Keys with what the model learns to write. Of a list of messages: those of the assistant."""
    messages: MessageKeys | None = None
    """For formats whose (first) required key always holds a list of messages."""
    allows_messages: bool = False
    """Whether a text may be a list of messages instead."""
    templated: bool = True
    """False for raw text, to which no chat template is applied."""
    keys: Mapping[str, str] = field(default_factory=dict)

    @property
    def known(self) -> tuple[str, ...]:
        return self.required + self.optional

    def key(self, name: str) -> str:
        """The key in this data set for what the format calls `name`."""
        return self.keys.get(name, name)


LAYOUTS: dict[SampleFormat, Layout] = {
    layout.format: layout
    for layout in (
        Layout(SampleFormat.CHAT, ("messages",), ("tools", "parallel_tool_calls"), ("messages",), OPENAI_MESSAGE),
        Layout(
            SampleFormat.SHAREGPT,
            ("conversations",),
            ("system", "tools"),
            ("conversations",),
            MessageKeys("from", "value", _SHAREGPT_ROLES),
        ),
        Layout(
            SampleFormat.PREFERENCE,
            ("prompt", "chosen", "rejected"),
            ("system", "tools"),
            ("chosen", "rejected"),
            allows_messages=True,
        ),
        Layout(SampleFormat.INPUT_OUTPUT, ("segments",), (), ("segments",), templated=False),
        Layout(SampleFormat.ALPACA, ("instruction", "output"), ("input", "system"), ("output",)),
        Layout(
            SampleFormat.PROMPT_COMPLETION,
            ("prompt", "completion"),
            ("system", "tools"),
            ("completion",),
            allows_messages=True,
        ),
        Layout(SampleFormat.TEXT, ("text",), (), ("text",), templated=False),
    )
}
"""Every format with its own names for keys, in the order in which they are tried."""


def detect(sample: Sample) -> Layout | None:
    """The layout of a sample: the one whose keys it has, or most of; None when it has none that tells.

    A sample that lacks one required key still counts as its format, so that the finding can name the missing key.
    """
    for layout in LAYOUTS.values():
        if all(key in sample for key in layout.required):
            return layout
    best = max(
        LAYOUTS.values(), key=lambda layout: sum(key in sample for key in layout.required) / len(layout.required)
    )
    return best if any(key in sample for key in best.required) else None


class Message(NamedTuple):
    """A message as it stands in a sample, whatever is wrong with it."""

    value: Any
    """What stands there; `fields` when it is an object, as it should be."""
    path: Path
    keys: MessageKeys
    learned: bool
    """Whether its list is one of those that the model learns from; then the assistant's messages are learned."""

    @property
    def fields(self) -> dict[str, Any] | None:
        return self.value if isinstance(self.value, dict) else None

    @property
    def raw_role(self) -> Any:
        """The role as it is written; None when there is none."""
        return self.value.get(self.keys.role) if isinstance(self.value, dict) else None

    @property
    def role(self) -> str | None:
        """One of `ROLES`; None when it is written as none that this format knows."""
        raw = self.raw_role
        return self.keys.roles.get(raw) if isinstance(raw, str) else None

    @property
    def content(self) -> Any:
        """What stands under the content's key; None when nothing does."""
        return self.value.get(self.keys.content) if isinstance(self.value, dict) else None

    @property
    def role_path(self) -> Path:
        return (*self.path, self.keys.role)

    @property
    def content_path(self) -> Path:
        return (*self.path, self.keys.content)


class Text(NamedTuple):
    """A string of a sample that reaches the model."""

    path: Path
    text: str
    learned: bool
    """Whether it is (part of) what the model learns to write; of a preference pair both answers."""
    role: str | None
    """Of its message, when known; in formats without messages the role that it gets."""


def message_lists_of(sample: Sample, layout: Layout) -> list[list[Message]]:
    """The lists of messages in a sample: one for chats, up to three for preference pairs, none for plain texts."""
    if layout.messages is not None:
        return [_messages(sample, layout.required[0], layout.messages, learned=True)]
    if layout.allows_messages:
        return [
            _messages(sample, key, OPENAI_MESSAGE, learned=key in layout.learned)
            for key in layout.required
            if isinstance(sample.get(key), list)
        ]
    return []


def texts_of(sample: Sample, layout: Layout) -> list[Text]:
    """Every string of a sample that reaches the model; values that should be strings and are none are left out."""
    found: list[Text] = []
    if layout.format is SampleFormat.INPUT_OUTPUT:
        segments = sample.get(layout.required[0])
        for index, segment in enumerate(segments if isinstance(segments, list) else ()):
            if isinstance(segment, dict) and isinstance(text := segment.get("text"), str):
                learned = segment.get("label") is True
                found.append(Text((layout.required[0], index, "text"), text, learned, None))
        return found
    system = sample.get("system") if "system" in layout.optional else None
    if isinstance(system, str):
        found.append(Text(("system",), system, False, "system"))
    for key in layout.known:
        value = sample.get(key)
        if isinstance(value, str):
            if key not in ("system", "tools"):
                learned = key in layout.learned
                found.append(Text((key,), value, learned, "assistant" if learned else "user"))
        elif isinstance(value, list) and (keys := _keys_of_list(key, layout)):
            for message in _messages(sample, key, keys, learned=key in layout.learned):
                found += _texts_of_message(message)
    return found


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


def _keys_of_list(key: str, layout: Layout) -> MessageKeys | None:
    if key not in layout.required:
        return None
    return layout.messages or (OPENAI_MESSAGE if layout.allows_messages else None)


def _messages(sample: Sample, key: str, keys: MessageKeys, *, learned: bool) -> list[Message]:
    values = sample.get(key)
    if not isinstance(values, list):
        return []
    return [Message(value, (key, index), keys, learned) for index, value in enumerate(values)]


def _texts_of_message(message: Message) -> list[Text]:
    role = message.role
    learned = message.learned and role == "assistant"
    return [Text(path, text, learned, role) for path, text in text_parts(message.content, message.content_path)]
