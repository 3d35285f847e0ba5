"""From a sample to the conversation that is trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import orjson

from lintune_schemas.contents import is_repeated
from lintune_schemas.samples import (
    FUNCTION_CALL,
    SEGMENT_LABEL,
    SEGMENT_TEXT,
    TOOL_CALLS,
    WEIGHT,
    Kind,
    SampleFormat,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lintune_schemas.samples import Field, Layout, MessageKeys, Path, Sample


class Turn(NamedTuple):
    """One message of a conversation, as the chat template gets it."""

    role: str
    content: str
    trained: bool
    """Whether the model learns to write this turn."""
    path: Path
    """The value in the sample that this turn's text comes from."""
    extra: Mapping[str, Any] = {}
    """What else the chat template gets of the message: `tool_calls`, `tool_call_id`, `name` and so on."""

    def as_message(self) -> dict[str, Any]:
        return {"role": self.role, "content": self.content, **self.extra}


class Conversation(NamedTuple):
    """What is rendered and trained on. Of a preference pair there are two: the prompt and one of the answers."""

    turns: tuple[Turn, ...]
    tools: tuple[Any, ...] = ()
    """Function declarations, as the chat template gets them."""
    templated: bool = True
    """False for raw text: the turns' texts are joined as they are, and no chat template is applied."""
    verbatim: bool = False
    """Whether raw text brings its own BOS and EOS, as segments do: then none is put around it."""

    def upto(self, count: int) -> Conversation:
        """The first `count` turns."""
        return Conversation(self.turns[:count], self.tools, self.templated, self.verbatim)


def read(sample: Sample, layout: Layout, answer: Literal["chosen", "rejected"] = "chosen") -> Conversation:
    """The conversation in a sample that has no error of the sample-format rules.

    answer: which one of a preference pair. Messages with `"weight": 0` are read but not learned. Raises ValueError,
    KeyError, TypeError or AttributeError on a sample which those rules refuse.
    """
    other = "rejected" if answer == "chosen" else "chosen"
    turns: list[Turn] = []
    tools: tuple[Any, ...] = ()
    for one in layout.fields:
        value = sample.get(one.key)
        if value is None:
            if one.required:
                raise KeyError(one.key)
        elif one.name == other:
            pass
        elif isinstance(value, list) and one.kind.holds_messages:
            _add_messages(turns, value, one, layout.message)
        elif one.kind.holds_text:
            if not isinstance(value, str):
                raise TypeError(f"{one.key} is no text")
            if (value or one.required) and not is_repeated(one, sample, layout):
                turns.append(Turn(one.role or "", value, one.learned, (one.key,)))
        elif one.kind is Kind.SEGMENTS:
            _add_segments(turns, value, one.key)
        elif one.kind is Kind.TOOLS:
            tools = _tools(value)
    if layout.format is SampleFormat.ALPACA:
        turns = _with_input(turns, layout)
    elif len(turns) > 1 and turns[1].role == "system" and turns[0].path == ("system",):
        del turns[0]  # the messages have a system message of their own: as in Axolotl, it is that one
    if not turns:
        raise ValueError("nothing to read")
    return Conversation(tuple(turns), tools, layout.templated, layout.format is SampleFormat.INPUT_OUTPUT)


def _with_input(turns: list[Turn], layout: Layout) -> list[Turn]:
    """What the instruction is about, appended to it: one turn of the user."""
    instruction, more = (layout.key("instruction"),), (layout.key("input"),)
    extra = next((turn.content for turn in turns if turn.path == more), "")
    return [
        turn._replace(content=f"{turn.content}\n\n{extra}") if extra and turn.path == instruction else turn
        for turn in turns
        if turn.path != more
    ]


def _add_segments(turns: list[Turn], segments: list[dict[str, Any]], key: str) -> None:
    for index, segment in enumerate(segments):
        text, label = segment[SEGMENT_TEXT], segment[SEGMENT_LABEL]
        if not isinstance(text, str) or not isinstance(label, bool):
            raise TypeError("a segment is a text and true or false")
        turns.append(Turn("", text, label, (key, index, SEGMENT_TEXT)))


def _add_messages(turns: list[Turn], messages: list[dict[str, Any]], of: Field, keys: MessageKeys) -> None:
    role_key, content_key, key, learned = keys.role, keys.content, of.key, of.learned
    for index, message in enumerate(messages):
        raw, content = message[role_key], message.get(content_key)
        role = keys.roles[raw]
        path = (key, index, content_key)
        if len(message) == 2 and isinstance(content, str) and raw != FUNCTION_CALL:  # by far the most
            turns.append(Turn(role, content, learned and role in keys.learned_roles, path))
        else:
            turns.append(Turn(role, *_content(message, raw, keys, path, learned and keys.learns(message, role))))


def _content(
    message: dict[str, Any], raw: str, keys: MessageKeys, path: Path, learned: bool
) -> tuple[str, bool, Path, dict[str, Any]]:
    content: Any = message.get(keys.content)
    if raw == FUNCTION_CALL and (content is not None or not message.get(TOOL_CALLS)):
        return "", learned, path, {TOOL_CALLS: _function_calls(content)}
    if isinstance(content, list):
        if any(part["type"] != "text" for part in content):
            raise ValueError("only parts of text are read")
        content = "".join(part["text"] for part in content)
    elif content is None and message.get(TOOL_CALLS):
        content = ""  # as OpenAI writes a message that is nothing but calls; templates print None
    if not isinstance(content, str):
        raise TypeError("content that is no text")
    return content, learned, path, _extra(message, keys)


def _extra(message: dict[str, Any], keys: MessageKeys) -> dict[str, Any]:
    """What a template may ask of a message besides role and content.

    Empty values are left out: templates test for `tool_calls` by the key alone (Llama 3.1), and data sets that were
    tables once have every key in every message.
    """
    extra: dict[str, Any] = {}
    for key, value in message.items():
        if key not in (keys.role, keys.content, WEIGHT, keys.learned_by) and value is not None and value != []:
            extra[keys.renamed.get(key, key)] = _tool_calls(value) if key == TOOL_CALLS else value
    return extra


def _tool_calls(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The calls with their arguments as objects.

    OpenAI writes arguments as a text of JSON. Templates put them through `tojson` (Llama 3, Qwen 2.5), which would
    write such a text with a second pair of quotes around it. Axolotl reads it for the same reason
    (`ChatTemplateStrategy.transform_message`), and transformers' guide to tool use asks for objects.
    """
    read_calls = []
    for call in calls:
        function = call["function"]
        arguments = function["arguments"]
        if isinstance(arguments, str):
            arguments = orjson.loads(arguments)
        if not isinstance(arguments, dict):
            raise TypeError("arguments that are no object")
        read_calls.append({**call, "function": {**function, "arguments": arguments}})
    return read_calls


def _function_calls(text: str) -> list[dict[str, Any]]:
    """The calls in a ShareGPT turn: `{"name": …, "arguments": {…}}`, or a list of those."""
    calls = orjson.loads(text)
    return _tool_calls(
        [{"type": "function", "function": call} for call in (calls if isinstance(calls, list) else [calls])]
    )


def _tools(tools: Any) -> tuple[Any, ...]:
    """The declared tools as OpenAI writes them, which is what templates expect.

    A text of JSON is read, as ShareGPT data sets and tables have it, and so are parameters that are one (Axolotl does
    the same); a function that stands there without `{"type": "function", "function": …}` around it gets that.
    """
    if isinstance(tools, str):
        tools = orjson.loads(tools) if tools.strip() else []
    return tuple(_tool(tool) for tool in tools)


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    whole: dict[str, Any] = tool if "function" in tool else {"type": "function", "function": tool}
    function = whole["function"]
    if isinstance(function.get("parameters"), str):
        return {**whole, "function": {**function, "parameters": orjson.loads(function["parameters"])}}
    return whole
