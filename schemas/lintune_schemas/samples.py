"""Sample formats: which keys a training sample has, and the conversation that is read from them.

This is the only module that knows the field names of formats. Everything behind it (chat rendering, rules about
tokens, training) sees turns.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Path = tuple[str | int, ...]
"""Where a value is in a sample: keys and indices from the top, as in `("messages", 0, "content")`."""

Sample = dict[str, Any]


class SampleFormat(StrEnum):
    """The shapes of samples that Lintune reads, each after the tool or data set that made it common."""

    CHAT = "chat"
    """OpenAI chat: `{"messages": [{"role": …, "content": …}, …]}`."""
    ALPACA = "alpaca"
    """`{"instruction": …, "input": … (optional), "output": …}`, after Stanford Alpaca."""
    PROMPT_COMPLETION = "prompt-completion"
    """`{"prompt": …, "completion": …}`."""


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

IGNORE_KEY = "_lintune_ignore"
"""Rule codes that a sample's author has looked at and accepts. Never trained on."""


@dataclass(frozen=True, slots=True)
class FormatSpec:
    """A format's keys: those it needs, those it may have, and the one that holds what is learned."""

    format: SampleFormat
    required: tuple[str, ...]
    optional: tuple[str, ...]
    learned: str

    @property
    def known(self) -> tuple[str, ...]:
        return self.required + self.optional


FORMATS: dict[SampleFormat, FormatSpec] = {
    spec.format: spec
    for spec in (
        FormatSpec(SampleFormat.CHAT, ("messages",), ("tools",), "messages"),
        FormatSpec(SampleFormat.ALPACA, ("instruction", "output"), ("input", "system"), "output"),
        FormatSpec(SampleFormat.PROMPT_COMPLETION, ("prompt", "completion"), ("system",), "completion"),
    )
}


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation, as the chat template gets it."""

    role: str
    content: str
    trained: bool
    """Whether the model learns to write this turn."""
    path: Path
    """The value in the sample that this turn's text comes from."""


def detect(sample: Sample) -> SampleFormat | None:
    """The format of a sample: the one whose keys it has most of; None when it has none that tells.

    A sample that lacks one required key still counts as its format, so that the finding can name the missing key.
    """
    for spec in FORMATS.values():
        if all(key in sample for key in spec.required):
            return spec.format
    best = max(FORMATS.values(), key=lambda spec: sum(key in sample for key in spec.required))
    return best.format if any(key in sample for key in best.required) else None


def turns_of(sample: Sample, format: SampleFormat) -> list[Turn]:  # noqa: A002
    """The conversation in a sample that has no error of the sample-format rules.

    Messages with `"weight": 0` are read but not learned. Raises KeyError or TypeError on a sample those rules refuse.
    """
    match format:
        case SampleFormat.CHAT:
            return [
                Turn(
                    message["role"],
                    message["content"],
                    message["role"] == "assistant" and message.get("weight", 1) != 0,
                    ("messages", index, "content"),
                )
                for index, message in enumerate(sample["messages"])
            ]
        case SampleFormat.ALPACA:
            prompt = sample["instruction"]
            if sample.get("input"):
                prompt = f"{prompt}\n\n{sample['input']}"
            return _pair(sample, prompt, "instruction", "output")
        case SampleFormat.PROMPT_COMPLETION:
            return _pair(sample, sample["prompt"], "prompt", "completion")


def _pair(sample: Sample, prompt: str, prompt_key: str, answer_key: str) -> list[Turn]:
    turns = [Turn("system", sample["system"], False, ("system",))] if sample.get("system") else []
    turns.append(Turn("user", prompt, False, (prompt_key,)))
    turns.append(Turn("assistant", sample[answer_key], True, (answer_key,)))
    return turns


def texts_of(sample: Sample, format: SampleFormat) -> list[tuple[Path, str]]:  # noqa: A002
    """Every string of a sample that reaches the model, with its path; values that are no strings are left out."""
    if format is SampleFormat.CHAT:
        found: list[tuple[Path, str]] = []
        messages = sample.get("messages")
        for index, message in enumerate(messages if isinstance(messages, list) else []):
            if isinstance(message, dict) and isinstance(message.get("content"), str):
                found.append((("messages", index, "content"), message["content"]))
        return found
    return [((key,), sample[key]) for key in FORMATS[format].known if isinstance(sample.get(key), str)]
