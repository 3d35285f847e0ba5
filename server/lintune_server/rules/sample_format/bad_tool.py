from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import line_rule
from lintune_server.lint.words import json_kind
from lintune_server.rules.sample_format.json_schemas import schema_fault
from lintune_server.rules.sample_format.tools import function_of, parameters_of, tools_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.sample import Line
    from lintune_server.rules.sample_format.tools import Placed, Tools


@line_rule("SF116", Severity.ERROR)
def bad_tool(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports an entry of `tools` that declares no function: no name, or parameters that are no JSON Schema of an object.

    ## Why it hurts
    The chat template writes the declaration into the prompt as it stands, or stops at it. The model learns to call
    tools that are described in another way than those it will be given.

    ## Example
    ```json
    {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "str"}}}}
    ```

    ## Use instead
    ```json
    {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
    ```
    """
    if not line.plain:
        yield from _of_tools(tools_of(line))


@lru_cache(maxsize=512)
def _of_tools(tools: Tools) -> tuple[Problem, ...]:
    if tools.unreadable is not None:
        return (Problem("This text is no JSON list of tools.", Value(tools.unreadable.path)),)
    names: set[str] = set()
    return tuple(problem for entry in tools.entries for problem in _of_entry(entry, names))


def _of_entry(entry: Placed, names: set[str]) -> Iterator[Problem]:
    if not isinstance(entry.value, dict):
        yield Problem(f"A tool must be an object, and this is {json_kind(entry.value)}.", Value(entry.path))
        return
    kind = entry.value.get("type", "function")
    function = function_of(entry)
    if kind != "function" and "function" in entry.value:
        yield Problem(f"The type of a tool must be function, and this is {_shown(kind)}.", Value(entry.at("type")))
    elif function is None:
        example = '{"type": "function", "function": {"name": …, "parameters": {…}}}'
        yield Problem(f"This tool declares no function: write {example}.", Value(entry.path))
    elif not isinstance(function.value, dict):
        yield Problem(f"function must be an object, and this is {json_kind(function.value)}.", Value(function.path))
    else:
        yield from _of_function(function, names)


def _of_function(function: Placed, names: set[str]) -> Iterator[Problem]:
    name = function.value.get("name")
    if "name" not in function.value:
        yield Problem("This function has no name.", Value(function.path))
    elif not isinstance(name, str):
        yield Problem(f"name must be a text, and this is {json_kind(name)}.", Value(function.at("name")))
    elif not name.strip():
        yield Problem("The name of this function is empty.", Value(function.at("name")))
    elif name in names:
        yield Problem(f"{name} is declared twice.", Value(function.at("name")), severity=Severity.WARNING)
    else:
        names.add(name)
    parameters = parameters_of(function)
    if parameters is None:
        return
    schema = parameters.value
    if not isinstance(schema, dict):
        yield Problem(f"Parameters must be a JSON Schema, and this is {json_kind(schema)}.", Value(parameters.path))
    elif fault := schema_fault(orjson.dumps(schema)):
        at = f" at {'.'.join(map(str, fault.path))}" if parameters.in_text and fault.path else ""
        yield Problem(f"These parameters are no JSON Schema{at}: {fault.message}.", Value(parameters.at(*fault.path)))
    elif schema.get("type", "object") != "object":
        said = _shown(schema["type"])
        yield Problem(f"Parameters must be of type object, and these are of type {said}.", Value(parameters.at("type")))


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json_kind(value)
