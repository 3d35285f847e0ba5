from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from lintune_schemas.samples import FUNCTION_CALL, TOOL_CALLS
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import line_rule
from lintune_server.lint.words import closest, json_kind, listed
from lintune_server.rules.sample_format.json_schemas import violations
from lintune_server.rules.sample_format.tools import calls_in, read_json, tools_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.samples import Message, Path
    from lintune_server.lint.sample import Line
    from lintune_server.rules.sample_format.tools import Call, Function, Placed, Tools

_MOST = 3
"""Violations that are shown of one call."""


@line_rule("SF114", Severity.ERROR, needles=(TOOL_CALLS, FUNCTION_CALL))
def bad_call(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a tool call without a name, whose arguments are no JSON object, or of a tool that the sample's `tools` do
    not declare. Arguments that break the tool's own JSON Schema are a warning.

    ## Why it hurts
    The model learns to write calls that no program can carry out.

    ## Example
    ```json
    {"role": "assistant", "tool_calls": [{"function": {"name": "weather", "arguments": "{'city': 'Oslo'}"}}]}
    ```

    ## Use instead
    ```json
    {"role": "assistant", "tool_calls": [{"function": {"name": "weather", "arguments": {"city": "Oslo"}}}]}
    ```
    """
    if line.plain or line.layout is None:
        return
    tools: Tools | None = None
    for message in line.messages:
        if not isinstance(message.value, dict) or not (
            message.raw_role == FUNCTION_CALL or message.value.get(TOOL_CALLS) is not None
        ):
            continue
        yield from _of_shape(message)
        tools = tools or tools_of(line)
        for call in calls_in(message):
            yield from _of_name(call, tools.functions)
            yield from _of_arguments(call, tools.functions or {})


def _of_shape(message: Message) -> Iterator[Problem]:
    """What is no call at all."""
    if message.raw_role == FUNCTION_CALL:
        read = read_json(message.content) if isinstance(message.content, str) else None
        calls = read if isinstance(read, list) else [read]
        if isinstance(message.content, str) and not all(isinstance(call, dict) for call in calls):
            example = '{"name": …, "arguments": {…}}'
            yield Problem(f"This text is no JSON of a call: write {example}.", Value(message.content_path))
        return
    calls, path = message.value[TOOL_CALLS], (*message.path, TOOL_CALLS)
    if not isinstance(calls, list):
        yield Problem(f"tool_calls must be a list, and this is {json_kind(calls)}.", Value(path))
        return
    if calls and message.role not in (None, "assistant"):
        yield Problem(f"Only the assistant calls tools, and this is a {message.raw_role} message.", Value(path))
    for index, call in enumerate(calls):
        at: Path = (*path, index)
        if not isinstance(call, dict):
            yield Problem(f"A call must be an object, and this is {json_kind(call)}.", Value(at))
        elif "function" not in call:
            example = '{"type": "function", "function": {"name": …, "arguments": …}}'
            yield Problem(f"This call has no function: write {example}.", Value(at))
        elif not isinstance(call["function"], dict):
            kind = json_kind(call["function"])
            yield Problem(f"function must be an object, and this is {kind}.", Value((*at, "function")))


def _of_name(call: Call, tools: dict[str, Function] | None) -> Iterator[Problem]:
    name, spot = call.name.value, Value(call.name.path)
    if name is None:
        yield Problem("This call has no name: which tool is it for?", spot)
    elif not isinstance(name, str):
        yield Problem(f"name must be a text, and this is {json_kind(name)}.", spot)
    elif not name.strip():
        yield Problem("The name of this call is empty: which tool is it for?", spot)
    elif tools is not None and name not in tools:
        meant = closest(name, tools) or closest(name.lower(), tools)
        known = f"the sample's tools are {listed(tools)}" if tools else "the sample declares no tool"
        hint = f" Is it meant to be {meant}?" if meant else ""
        yield Problem(f"No tool is called {name}: {known}.{hint}", spot)


def _of_arguments(call: Call, tools: dict[str, Function]) -> Iterator[Problem]:
    given, path = call.arguments.value, call.arguments.path
    if isinstance(given, str):
        try:
            arguments: Any = orjson.loads(given)
        except orjson.JSONDecodeError as error:
            yield _no_json(given, error, call.arguments)
            return
    else:
        arguments = given
    if not isinstance(arguments, dict):
        kind = json_kind(arguments) if given is not None else "nothing"
        yield Problem(f"Arguments must be a JSON object, and this is {kind}.", Value(path))
        return
    function = tools.get(call.name.value) if isinstance(call.name.value, str) else None
    if function is None or function.parameters is None:
        return
    in_text = call.arguments.in_text or isinstance(given, str)
    for message, where in violations(function.parameters, arguments)[:_MOST]:
        at = f" (at {'.'.join(map(str, where))})" if in_text and len(where) > 1 else ""
        yield Problem(
            f"These arguments are not as {call.name.value} declares its parameters: {message}{at}.",
            Value(path if in_text else (*path, *where)),
            severity=Severity.WARNING,
        )


def _no_json(text: str, error: orjson.JSONDecodeError, arguments: Placed) -> Problem:
    if not text.strip():
        return Problem("Arguments must be a JSON object, and this is empty: write {} for none.", Value(arguments.path))
    said = str(error).partition(": line")[0]
    at = min(error.pos, len(text))
    spot = Value(arguments.path) if arguments.in_text else Value(arguments.path, at, min(at + 1, len(text)))
    if at >= len(text):
        spot = Value(arguments.path)
    return Problem(f"These arguments are no JSON ({said}): write an object.", spot)
