"""Which format a file is in: what its recipe says, or what its samples show. Linter and trainer both ask here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from lintune_schemas.recipe import SampleFields
from lintune_schemas.samples import (
    LAYOUTS,
    OPENAI_MESSAGE,
    SHAREGPT_MESSAGE,
    Field,
    Kind,
    Layout,
    MessageKeys,
    SampleFormat,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lintune_schemas.recipe import Dataset
    from lintune_schemas.samples import Sample

LOOKED_AT = 1000
"""Samples, from the beginning of a file. They decide for all, so that the rest need not be read first."""


@dataclass(frozen=True, slots=True)
class FileLayout:
    """The layout of a file. Both are None when it has no sample that tells."""

    layout: Layout | None = None
    unmet: Layout | None = None
    """What the recipe says, when no sample has any key of it; `layout` is then what the samples show."""


def of_file(samples: Iterable[Sample], entry: Dataset | None = None) -> FileLayout:
    """The layout of a file's samples. entry: the recipe's, if it lists the file."""
    shown: dict[int, tuple[int, Layout]] = {}
    said = declared(entry) if entry is not None else None
    for sample in islice(samples, LOOKED_AT):
        if said is not None and any(key in sample for key in said.required):
            return FileLayout(said)
        layout = detect(sample)
        if layout is not None:
            count, _ = shown.get(id(layout), (0, layout))
            shown[id(layout)] = (count + 1, layout)
    if not shown:
        return FileLayout(said)
    return FileLayout(max(shown.values(), key=lambda one: one[0])[1], said)


def detect(sample: Sample) -> Layout | None:
    """The layout of a sample: the one whose keys it has, or most of; None when it has none that tells.

    A sample that lacks one required key still counts as its format, so that the finding can name the missing key.
    """
    for layout in LAYOUTS.values():
        if layout.required_set <= sample.keys():
            return _variant(layout, sample)
    best = max(
        LAYOUTS.values(), key=lambda layout: sum(key in sample for key in layout.required) / len(layout.required)
    )
    return best if any(key in sample for key in best.required) else None


def _variant(layout: Layout, sample: Sample) -> Layout:
    """The same format as some data sets write it."""
    if layout.format is SampleFormat.PREFERENCE and "prompt" not in sample and "messages" in sample:
        return PREFERENCE_AFTER_MESSAGES
    if layout.format in (SampleFormat.CHAT, SampleFormat.SHAREGPT):
        messages = sample[layout.required[0]]
        first = messages[0] if isinstance(messages, list) and messages else None
        if isinstance(first, dict):
            other = CHAT_IN_CONVERSATIONS if layout.format is SampleFormat.SHAREGPT else SHAREGPT_IN_MESSAGES
            if layout.message.role not in first and other.message.role in first:
                return other
    return layout


def _chat(format_: SampleFormat, messages: Field, message: MessageKeys, tools: Field | None = None) -> Layout:
    """A layout of chats whose messages are under another key, or written in another way."""
    usual = LAYOUTS[format_]
    mine = {messages.kind: messages, Kind.TOOLS: tools}
    return replace(usual, fields=tuple(mine.get(one.kind) or one for one in usual.fields), message=message)


CHAT_IN_CONVERSATIONS = _chat(
    SampleFormat.CHAT, Field("messages", Kind.MESSAGES, learned=True, key="conversations"), OPENAI_MESSAGE
)
SHAREGPT_IN_MESSAGES = _chat(
    SampleFormat.SHAREGPT, Field("conversations", Kind.MESSAGES, learned=True, key="messages"), SHAREGPT_MESSAGE
)
PREFERENCE_AFTER_MESSAGES = replace(
    LAYOUTS[SampleFormat.PREFERENCE],
    fields=tuple(
        replace(one, key="messages") if one.name == "prompt" else one for one in LAYOUTS[SampleFormat.PREFERENCE].fields
    ),
)
"""As Axolotl's `chat_template.default` reads preference pairs."""

_INSTRUCTIONS = {
    "alpaca": ("instruction", "output"),
    "gpteacher": ("instruction", "response"),
    "oasst": ("INSTRUCTION", "RESPONSE"),
    "gpt4all": ("prompt", "response"),
    "summarizetldr": ("article", "summary"),
    "alpaca_chat.load_qa": ("question", "answer"),
}
"""Axolotl's names for prompts of one turn (its `prompt_tokenizers` and `prompt_strategies`), and the keys they read."""


def declared(entry: Dataset) -> Layout | None:
    """The layout that a recipe says a file has; None when that is left to the file."""
    if isinstance(entry.type, SampleFields):
        return _of_fields(entry.type)
    type_ = (entry.type or "").partition(":")[0]
    kind = type_.partition(".")[0]
    if entry.field_chosen or entry.field_rejected or type_.startswith("chat_template."):
        return _preference(entry, "prompt" if "argilla" in type_ else "messages")
    if kind in ("chat_template", "chat") or (not kind and _names_messages(entry)):
        return _chat_of(entry, LAYOUTS[SampleFormat.CHAT])
    if kind == "sharegpt":
        return _chat_of(entry, LAYOUTS[SampleFormat.SHAREGPT])
    if kind in ("completion", "text") or (not kind and entry.field):
        return _renamed(LAYOUTS[SampleFormat.TEXT], {"text": (entry.field, "field")})
    for name in (type_, kind, "alpaca" if kind.startswith("alpaca") else ""):
        if name in _INSTRUCTIONS:
            instruction, output = _INSTRUCTIONS[name]
            return _renamed(
                LAYOUTS[SampleFormat.ALPACA], {"instruction": (instruction, "type"), "output": (output, "type")}
            )
    return next((one for format_, one in LAYOUTS.items() if format_ == kind), None)


def _of_fields(fields: SampleFields) -> Layout:
    if fields.field_prompt or fields.field_chosen or fields.field_rejected:
        names, format_ = ("system", "prompt", "chosen", "rejected"), SampleFormat.PREFERENCE
    else:
        names, format_ = ("system", "instruction", "input", "output"), SampleFormat.ALPACA
    keys = {name: (getattr(fields, f"field_{name}"), f"field_{name}") for name in names}
    return _renamed(LAYOUTS[format_], keys)


def _preference(entry: Dataset, prompt: str) -> Layout:
    keys = {
        "prompt": (entry.field_messages or prompt, "field_messages"),
        "chosen": (entry.field_chosen, "field_chosen"),
        "rejected": (entry.field_rejected, "field_rejected"),
    }
    return replace(_renamed(LAYOUTS[SampleFormat.PREFERENCE], keys), message=_message(entry, OPENAI_MESSAGE))


def _names_messages(entry: Dataset) -> bool:
    named = (
        entry.field_messages,
        entry.message_property_mappings,
        entry.message_field_role,
        entry.message_field_content,
    )
    return any(named)


def _chat_of(entry: Dataset, usual: Layout) -> Layout:
    message = _message(entry, usual.message)
    if message.role == SHAREGPT_MESSAGE.role:
        usual = replace(LAYOUTS[SampleFormat.SHAREGPT], fields=usual.fields)
    keys = {one.name: (entry.field_messages, "field_messages") for one in usual.fields if one.kind is Kind.MESSAGES}
    keys["tools"] = (entry.field_tools, "field_tools")
    return replace(_renamed(usual, keys), message=message)


def _message(entry: Dataset, usual: MessageKeys) -> MessageKeys:
    mapped = dict(entry.message_property_mappings or {})
    role = mapped.pop("role", None) or entry.message_field_role or usual.role
    content = mapped.pop("content", None) or entry.message_field_content or usual.content
    roles = usual.roles
    if entry.roles:
        roles = {source: target for target, sources in entry.roles.items() for source in sources}
    elif role != usual.role:
        # Axolotl, told of other keys, also knows ShareGPT's names of roles.
        roles = SHAREGPT_MESSAGE.roles
    learned = usual.learned_roles
    if entry.roles_to_train is not None:
        learned = frozenset(roles.get(name, name) for name in entry.roles_to_train)
    renamed = {key: name for name, key in mapped.items()}
    return MessageKeys(role, content, roles, learned, entry.message_field_training, renamed)


def _renamed(layout: Layout, keys: dict[str, tuple[str | None, str]]) -> Layout:
    """The layout with other keys, by the format's own names. keys: the key, and what in the recipe names it."""

    def rename(one: Field) -> Field:
        key, said_by = keys.get(one.name, (None, ""))
        return replace(one, key=key, said_by=said_by) if key and key != one.key else one

    return replace(layout, fields=tuple(map(rename, layout.fields)))
