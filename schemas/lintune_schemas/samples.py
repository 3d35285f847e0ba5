"""Sample formats: which keys a training sample has, and what is under them.

This module, `layouts` (which format a file is in), `contents` (what stands in a sample) and `conversations` (what is
trained on) are the only ones that know the field names of formats. Everything behind them (chat rendering, rules,
training) sees messages, texts and turns.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
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


ROLES = ("system", "user", "assistant", "tool")
"""The roles of a conversation, whatever a format calls them."""

OPENAI_ROLES = {
    "system": "system",
    # OpenAI's newer name for it. Templates of open models either do not know it and write nothing (Qwen), or write a
    # turn that no program asks for: they get it as what it stands for.
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
SHAREGPT_ROLES = {
    "system": "system",
    "human": "user",
    "gpt": "assistant",
    "function_call": "assistant",
    "observation": "tool",
    "tool": "tool",
    "user": "user",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "function": "tool",
}
"""The usual names first."""

FUNCTION_CALL = "function_call"
"""ShareGPT's role of a turn that is nothing but a tool call, written as JSON (LLaMA-Factory, and data made for it)."""

ROLE_ALIASES = {
    "human": "user",
    "gpt": "assistant",
    "bot": "assistant",
    "chatbot": "assistant",
    "chatgpt": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "function": "tool",
    "function_response": "tool",
    "tool_response": "tool",
    "observation": "tool",
    "ipython": "tool",
    "developer": "system",
}
"""Other people's names for roles; compared without case."""

IGNORE_KEY = "_lintune_ignore"
"""Rule codes that a sample's author has looked at and accepts. Never trained on."""

WEIGHT = "weight"
"""Of a message: 0 for an answer that is read but not learned (OpenAI's)."""
SEGMENT_LABEL = "label"
"""Of a segment of raw text: whether it is learned."""
SEGMENT_TEXT = "text"
TOOL_CALLS = "tool_calls"
TOOL_CALL_ID = "tool_call_id"
"""Of a tool's message: which call it answers."""


@dataclass(frozen=True, slots=True)
class MessageKeys:
    """How one message of a list is written: its keys, what the names of roles stand for, and which are learned."""

    role: str = "role"
    content: str = "content"
    roles: Mapping[str, str] = dataclasses.field(default_factory=lambda: OPENAI_ROLES)
    """From a name in the data set to one of `ROLES`."""
    learned_roles: frozenset[str] = frozenset({"assistant"})
    learned_by: str | None = None
    """A key of true or false that says of each message whether it is learned, before its role does."""
    renamed: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Other keys of the data set, and what the chat template calls them."""

    @property
    def known(self) -> tuple[str, ...]:
        """Every key that means something to a chat template or to us."""
        more = (self.learned_by,) if self.learned_by else ()
        return (self.role, self.content, *_MESSAGE_EXTRAS, *self.renamed, *more)

    def learns(self, message: Mapping[str, Any], role: str) -> bool:
        """Whether a message is learned, when its list is."""
        if self.learned_by is not None and isinstance(said := message.get(self.learned_by), bool):
            return said
        return role in self.learned_roles and message.get(WEIGHT, 1) != 0


_MESSAGE_EXTRAS = (TOOL_CALLS, TOOL_CALL_ID, "name", WEIGHT, "refusal", "reasoning_content", "thinking")

OPENAI_MESSAGE = MessageKeys()
SHAREGPT_MESSAGE = MessageKeys("from", "value", SHAREGPT_ROLES)


class Kind(StrEnum):
    """What has to be under a key, in words."""

    TEXT = "a text"
    MESSAGES = "a list of messages"
    TEXT_OR_MESSAGES = "a text or a list of messages"
    SEGMENTS = "a list of segments"
    TOOLS = "a list of tools"
    FLAG = "true or false"

    @property
    def holds_text(self) -> bool:
        return self is Kind.TEXT or self is Kind.TEXT_OR_MESSAGES

    @property
    def holds_messages(self) -> bool:
        return self is Kind.MESSAGES or self is Kind.TEXT_OR_MESSAGES


@dataclass(frozen=True, slots=True)
class Field:
    """A key of a sample."""

    name: str
    """What the format itself calls it."""
    kind: Kind = Kind.TEXT
    role: str | None = None
    """Whose turn a text under it becomes."""
    required: bool = True
    learned: bool = False
    """Whether the model learns to write it; of a list of messages, those of the assistant."""
    key: str = ""
    """What this data set calls it; the same unless a recipe says otherwise."""
    said_by: str = ""
    """The key of the recipe that says so."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", self.key or self.name)


@dataclass(frozen=True)
class Layout:
    """A format with its keys in a data set: a recipe may give them other names (`field_instruction: question`)."""

    format: SampleFormat
    fields: tuple[Field, ...]
    """In the order of the conversation."""
    message: MessageKeys = OPENAI_MESSAGE
    """How messages are written where there are any."""
    templated: bool = True
    """False for raw text, to which no chat template is applied."""

    @cached_property
    def required(self) -> tuple[str, ...]:
        """Keys that every sample needs."""
        return tuple(one.key for one in self.fields if one.required)

    @cached_property
    def required_set(self) -> frozenset[str]:
        return frozenset(self.required)

    @cached_property
    def optional(self) -> tuple[str, ...]:
        return tuple(one.key for one in self.fields if not one.required)

    @cached_property
    def known(self) -> tuple[str, ...]:
        return self.required + self.optional

    @cached_property
    def known_set(self) -> frozenset[str]:
        return frozenset(self.known)

    @cached_property
    def learned(self) -> tuple[str, ...]:
        """Keys with what the model learns to write."""
        return tuple(one.key for one in self.fields if one.learned)

    @cached_property
    def _by_name(self) -> dict[str, Field]:
        return {one.name: one for one in self.fields}

    def field(self, name: str) -> Field:
        """The field that the format calls so."""
        return self._by_name[name]

    def key(self, name: str) -> str:
        """The key in this data set for what the format calls `name`."""
        return self._by_name[name].key


_SYSTEM = Field("system", role="system", required=False)
_TOOLS = Field("tools", Kind.TOOLS, required=False)

LAYOUTS: dict[SampleFormat, Layout] = {
    one.format: one
    for one in (
        # First, since such samples often have the keys of other formats, too.
        Layout(
            SampleFormat.PREFERENCE,
            (
                _SYSTEM,
                # The answers may hold the prompt (TRL's implicit prompts).
                Field("prompt", Kind.TEXT_OR_MESSAGES, "user", required=False),
                Field("chosen", Kind.TEXT_OR_MESSAGES, "assistant", learned=True),
                Field("rejected", Kind.TEXT_OR_MESSAGES, "assistant", learned=True),
                _TOOLS,
            ),
        ),
        Layout(
            SampleFormat.CHAT,
            (
                _SYSTEM,
                Field("messages", Kind.MESSAGES, learned=True),
                _TOOLS,
                Field("parallel_tool_calls", Kind.FLAG, required=False),
            ),
        ),
        Layout(
            SampleFormat.SHAREGPT,
            (_SYSTEM, Field("conversations", Kind.MESSAGES, learned=True), _TOOLS),
            SHAREGPT_MESSAGE,
        ),
        Layout(SampleFormat.INPUT_OUTPUT, (Field("segments", Kind.SEGMENTS, learned=True),), templated=False),
        Layout(
            SampleFormat.ALPACA,
            (
                _SYSTEM,
                Field("instruction", role="user"),
                Field("input", role="user", required=False),
                Field("output", role="assistant", learned=True),
            ),
        ),
        Layout(
            SampleFormat.PROMPT_COMPLETION,
            (
                _SYSTEM,
                Field("prompt", Kind.TEXT_OR_MESSAGES, "user"),
                Field("completion", Kind.TEXT_OR_MESSAGES, "assistant", learned=True),
                _TOOLS,
            ),
        ),
        Layout(SampleFormat.TEXT, (Field("text", learned=True),), templated=False),
    )
}
"""Every format with its own names for keys, in the order in which they are tried."""


class Message(NamedTuple):
    """A message as it stands in a sample, whatever is wrong with it."""

    value: Any
    """What stands there; `fields` when it is an object, as it should be."""
    path: Path
    keys: MessageKeys
    learned: bool
    """Whether its list is one of those that the model learns from."""

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
    def trained(self) -> bool:
        """Whether the model learns to write it."""
        role = self.role
        return self.learned and role is not None and self.keys.learns(self.value, role)

    @property
    def role_path(self) -> Path:
        return (*self.path, self.keys.role)

    @property
    def content_path(self) -> Path:
        return (*self.path, self.keys.content)


class Segment(NamedTuple):
    """A segment of raw text as it stands in a sample, whatever is wrong with it."""

    value: Any
    path: Path

    @property
    def text(self) -> Any:
        return self.value.get(SEGMENT_TEXT) if isinstance(self.value, dict) else None

    @property
    def label(self) -> Any:
        return self.value.get(SEGMENT_LABEL) if isinstance(self.value, dict) else None

    @property
    def learned(self) -> bool:
        return self.label is True

    @property
    def label_path(self) -> Path:
        return (*self.path, SEGMENT_LABEL)

    @property
    def text_path(self) -> Path:
        return (*self.path, SEGMENT_TEXT)


class Text(NamedTuple):
    """A string of a sample that reaches the model."""

    path: Path
    text: str
    learned: bool
    """Whether it is (part of) what the model learns to write; of a preference pair both answers."""
    role: str | None
    """Of its message, when known; in formats without messages the role that it gets. None in raw text."""
