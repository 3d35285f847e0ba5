"""A sample of another format as OpenAI chat writes it: the same turns, learned where they were learned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lintune_schemas import conversations, exact_json
from lintune_schemas.samples import (
    FUNCTION_CALL,
    LAYOUTS,
    OPENAI_MESSAGE,
    TOOL_CALL_ID,
    TOOL_CALLS,
    WEIGHT,
    Kind,
    SampleFormat,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lintune_schemas.conversations import Turn
    from lintune_schemas.samples import Layout, Sample

_FUNCTION = "function"
_CHAT = LAYOUTS[SampleFormat.CHAT]
_MESSAGES = next(one.key for one in _CHAT.fields if one.kind is Kind.MESSAGES)


class NoChatError(ValueError):
    """Why a sample cannot be said as a chat: a clause about it."""


def to_chat(sample: Sample, layout: Layout) -> Sample:
    """The same conversation under `messages`; the sample itself when it is one already, or a preference pair.

    What is no part of the conversation stays as it is, in its order. A tool call gets the id that OpenAI's format asks
    for. Raises NoChatError for a sample that no chat can say, and as `conversations.read` does for a broken one.
    """
    if layout.format is SampleFormat.PREFERENCE or _is_chat(sample, layout):
        return sample
    if not layout.templated:
        raise NoChatError("raw text has no turns of user and assistant")
    sample = _with_tools_read(sample, layout)
    conversation = conversations.read(sample, layout)
    used = _used(sample, layout, conversation.turns)
    if _MESSAGES in sample and _MESSAGES not in used:
        raise NoChatError(f"it has something else under “{_MESSAGES}”")
    messages = _messages(conversation.turns, sample, layout)
    tools = {one.key for one in layout.fields if one.kind is Kind.TOOLS}
    chat: Sample = {}
    for key, value in sample.items():
        if key not in used:
            chat[key] = list(conversation.tools) if key in tools and conversation.tools else value
        elif _MESSAGES not in chat:
            chat[_MESSAGES] = messages
    return chat


def _is_chat(sample: Sample, layout: Layout) -> bool:
    """Whether it is OpenAI chat already, with all that is said in its messages."""
    if layout.format is not SampleFormat.CHAT or _MESSAGES not in layout.known:
        return False
    return not any(one.kind is Kind.TEXT and sample.get(one.key) for one in layout.fields)


def _with_tools_read(sample: Sample, layout: Layout) -> Sample:
    """A list of tools that is written as a text is read here, so that its numbers stay as they are."""
    texts = [one.key for one in layout.fields if one.kind is Kind.TOOLS and isinstance(sample.get(one.key), str)]
    return {**sample, **{key: exact_json.loads(sample[key]) for key in texts if sample[key].strip()}}


def _used(sample: Sample, layout: Layout, turns: Iterable[Turn]) -> set[str]:
    """The keys whose values are in the messages. A system text that the messages' own replaces is not among them."""
    heard = {turn.path[0] for turn in turns}
    return {
        one.key
        for one in layout.fields
        if (one.kind.holds_text or one.kind.holds_messages)
        and one.key in sample
        and (one.key in heard or not sample[one.key] or one.name == "input")
    }


def _messages(turns: Iterable[Turn], sample: Sample, layout: Layout) -> list[dict[str, Any]]:
    """The turns as messages. Calls that had no ids get some, and so do the results behind them, in their order."""
    messages: list[dict[str, Any]] = []
    waiting: list[str] = []
    calls = 0
    for turn in turns:
        message = _message(turn, sample, layout)
        if _is_function_call(turn, sample, layout):
            ids = [f"call_{calls + number}" for number in range(1, len(message[TOOL_CALLS]) + 1)]
            message[TOOL_CALLS] = [{"id": id_, **call} for id_, call in zip(ids, message[TOOL_CALLS], strict=True)]
            calls += len(ids)
            waiting += ids
        elif turn.role == "tool" and waiting and TOOL_CALL_ID not in message:
            message[TOOL_CALL_ID] = waiting.pop(0)
        messages.append(message)
    return messages


def _is_function_call(turn: Turn, sample: Sample, layout: Layout) -> bool:
    return len(turn.path) > 1 and _original(turn, sample)[layout.message.role] == FUNCTION_CALL


def _original(turn: Turn, sample: Sample) -> dict[str, Any]:
    """The message that a turn comes from."""
    key, index, _ = turn.path
    original: dict[str, Any] = sample[str(key)][index]
    return original


def _message(turn: Turn, sample: Sample, layout: Layout) -> dict[str, Any]:
    keys, to = layout.message, OPENAI_MESSAGE
    items: list[tuple[str, Any]] = []
    if len(turn.path) == 1:
        items = [(to.role, turn.role), (to.content, turn.content)]
    else:
        for key, value in _original(turn, sample).items():
            if key == keys.role:
                items.append((to.role, value if to.roles.get(value) == turn.role else turn.role))
            elif key != keys.content:
                items.append((key, value))
            elif _is_function_call(turn, sample, layout):
                items += [(to.content, None), (TOOL_CALLS, _calls(value))]
            else:
                items.append((to.content, value))
    message = dict(items)
    if len(message) < len(items):
        raise NoChatError("a message of it has the keys of two formats")
    if to.learns(message, turn.role) and not turn.trained:
        message[WEIGHT] = 0  # read, and not learned
    return message


def _calls(text: str) -> list[dict[str, Any]]:
    """The calls of a ShareGPT turn as OpenAI writes them: with arguments that are a text of JSON."""
    found = exact_json.loads(text)
    return [
        {"type": _FUNCTION, _FUNCTION: _with_text(call)} for call in (found if isinstance(found, list) else [found])
    ]


def _with_text(call: dict[str, Any]) -> dict[str, Any]:
    arguments = call["arguments"]
    return {**call, "arguments": arguments if isinstance(arguments, str) else exact_json.dumps(arguments)}
