"""From a sample to the conversation that is trained on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from lintune_schemas import samples
from lintune_schemas.samples import ROLES, SampleFormat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lintune_schemas.samples import Layout, MessageKeys, Path, Sample


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation, as the chat template gets it."""

    role: str
    content: str
    trained: bool
    """Whether the model learns to write this turn."""
    path: Path
    """The value in the sample that this turn's text comes from."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """What else the chat template gets of the message: `tool_calls`, `tool_call_id`, `name` and so on."""

    def as_message(self) -> dict[str, Any]:
        return {"role": self.role, "content": self.content, **self.extra}


@dataclass(frozen=True, slots=True)
class Conversation:
    """What is rendered and trained on. Of a preference pair: the prompt and the chosen answer."""

    turns: tuple[Turn, ...]
    tools: tuple[Any, ...] = ()
    """Function declarations, as the chat template gets them."""
    templated: bool = True
    """False for raw text: the turns' texts are joined as they are, and no chat template is applied."""

    def upto(self, count: int) -> Conversation:
        """The first `count` turns."""
        return Conversation(self.turns[:count], self.tools, self.templated)


def read(sample: Sample, layout: Layout) -> Conversation:
    """The conversation in a sample that has no error of the sample-format rules.

    Messages with `"weight": 0` are read but not learned. Raises ValueError, KeyError, TypeError or AttributeError on
    a sample which those rules refuse.
    """
    match layout.format:
        case SampleFormat.CHAT | SampleFormat.SHAREGPT:
            assert layout.messages is not None
            key = layout.required[0]
            turns = [*_system(sample), *_turns(sample[key], key, layout.messages)]
        case SampleFormat.ALPACA:
            instruction, output = layout.required
            prompt = sample[instruction]
            if more := sample.get(layout.key("input")):
                prompt = f"{prompt}\n\n{more}"
            turns = [
                *_system(sample),
                Turn("user", prompt, False, (instruction,)),
                Turn("assistant", sample[output], True, (output,)),
            ]
        case SampleFormat.PROMPT_COMPLETION | SampleFormat.PREFERENCE:
            turns = [*_system(sample), *_prompt_and_answer(sample, layout)]
        case SampleFormat.INPUT_OUTPUT:
            key = layout.required[0]
            turns = [
                Turn("", segment["text"], segment["label"] is True, (key, index, "text"))
                for index, segment in enumerate(sample[key])
            ]
        case SampleFormat.TEXT:
            turns = [Turn("", sample[layout.required[0]], True, (layout.required[0],))]
    roles = ROLES if layout.templated else ("",)
    if not turns or not all(isinstance(turn.content, str) and turn.role in roles for turn in turns):
        raise ValueError(f"no valid {layout.format} sample")
    return Conversation(tuple(turns), _tools(sample, layout), layout.templated)


def _system(sample: Sample) -> list[Turn]:
    return [Turn("system", sample["system"], False, ("system",))] if sample.get("system") else []


def _prompt_and_answer(sample: Sample, layout: Layout) -> list[Turn]:
    prompt_key, answer_key = layout.required[:2]
    prompt, answer = sample.get(prompt_key), sample[answer_key]
    turns: list[Turn] = []
    if isinstance(prompt, list):
        turns += [_untrained(turn) for turn in _turns(prompt, prompt_key, samples.OPENAI_MESSAGE)]
    elif prompt is not None or not isinstance(answer, list):  # a list may hold the prompt, too
        turns.append(Turn("user", sample[prompt_key], False, (prompt_key,)))
    if isinstance(answer, list):
        turns += _turns(answer, answer_key, samples.OPENAI_MESSAGE)
    else:
        turns.append(Turn("assistant", answer, True, (answer_key,)))
    return turns


def _turns(messages: list[dict[str, Any]], key: str, keys: MessageKeys) -> list[Turn]:
    return [_turn(message, (key, index), keys) for index, message in enumerate(messages)]


def _turn(message: dict[str, Any], path: Path, keys: MessageKeys) -> Turn:
    role = keys.roles[message[keys.role]]
    content: Any = message.get(keys.content)
    if isinstance(content, list):
        if any(part["type"] != "text" for part in content):
            raise ValueError("only parts of text are read")
        content = "".join(part["text"] for part in content)
    elif content is None and message.get("tool_calls"):
        content = ""  # as OpenAI writes a message that is nothing but calls
    if len(message) == 2:  # by far the most
        return Turn(role, content, role == "assistant", (*path, keys.content))
    trained = role == "assistant" and message.get("weight", 1) != 0
    extra = {key: value for key, value in message.items() if key not in (keys.role, keys.content, "weight")}
    return Turn(role, content, trained, (*path, keys.content), extra)


def _untrained(turn: Turn) -> Turn:
    return Turn(turn.role, turn.content, False, turn.path, turn.extra) if turn.trained else turn


def _tools(sample: Sample, layout: Layout) -> tuple[Any, ...]:
    """The declared tools; a text of JSON is read, as ShareGPT data sets write them."""
    tools = sample.get("tools") if "tools" in layout.optional else None
    if isinstance(tools, str):
        tools = orjson.loads(tools)
    return tuple(tools) if tools else ()
