"""Tools as a sample declares and calls them, whatever is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from lintune_schemas.samples import FUNCTION_CALL, TOOL_CALLS, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.samples import Message, Path
    from lintune_server.lint.sample import Line


class Placed(NamedTuple):
    """Something with its place in the sample. What stands in a text of JSON has that text's place."""

    value: Any
    path: Path
    in_text: bool = False

    def at(self, *steps: str | int) -> Path:
        return self.path if self.in_text else (*self.path, *steps)


class Function(NamedTuple):
    """What a tool is called, and the JSON Schema of its parameters, as a text."""

    name: str
    parameters: bytes | None


@dataclass(frozen=True, slots=True, eq=False)
class Tools:
    """The tools of a sample. Samples with the same tools share one of these."""

    entries: tuple[Placed, ...] = ()
    unreadable: Placed | None = None
    """The whole, where it is a text that holds no list."""
    functions: dict[str, Function] | None = None
    """By name; None where the sample does not say which tools there are."""


class Call(NamedTuple):
    """A call of a tool."""

    name: Placed
    arguments: Placed
    id: Any
    """What its result refers to; None when it has none."""
    message: Message
    path: Path


def tools_of(line: Line) -> Tools:
    """The tools that a sample declares."""
    if line.layout is not None and line.sample is not None:
        for one in line.layout.fields:
            if one.kind is Kind.TOOLS and (value := line.sample.get(one.key)) is not None:
                return _tools(one.key, orjson.dumps(value))
    return Tools()


@lru_cache(maxsize=512)
def _tools(key: str, declared: bytes) -> Tools:
    """Most samples of a file have the same tools."""
    value, in_text = orjson.loads(declared), False
    if isinstance(value, str):
        text = Placed(value, (key,), in_text=True)
        value, in_text = (read_json(value) if value.strip() else []), True
        if not isinstance(value, list):
            return Tools((), text, {})
    if not isinstance(value, list):
        return Tools()
    entries = tuple(Placed(entry, (key,) if in_text else (key, index), in_text) for index, entry in enumerate(value))
    functions = (function_of(entry) for entry in entries)
    return Tools(entries, None, {found.name: found for function in functions if (found := _declared(function))})


def _declared(function: Placed | None) -> Function | None:
    name = function.value.get("name") if function and isinstance(function.value, dict) else None
    if function is None or not isinstance(name, str):
        return None
    parameters = parameters_of(function)
    whole = parameters is not None and isinstance(parameters.value, dict)
    return Function(name, orjson.dumps(parameters.value) if parameters and whole else None)


def function_of(entry: Placed) -> Placed | None:
    """The function in a declaration; one may stand there without the usual wrapping. None when there is none."""
    if not isinstance(entry.value, dict):
        return None
    if "function" in entry.value:
        return Placed(entry.value["function"], entry.at("function"), entry.in_text)
    return entry if "name" in entry.value and "type" not in entry.value else None


def parameters_of(function: Placed) -> Placed | None:
    """The JSON Schema of a function's parameters, read where it is a text (tables have it so); None without one."""
    if not isinstance(function.value, dict) or function.value.get("parameters") is None:
        return None
    value, path = function.value["parameters"], function.at("parameters")
    if isinstance(value, str):
        found = read_json(value)
        return Placed(value if found is None else found, path, in_text=True)
    return Placed(value, path, function.in_text)


def calls_in(message: Message) -> Iterator[Call]:
    """The calls of a message that are objects with a function in them, as they should be."""
    if not isinstance(message.value, dict):
        return
    if message.raw_role == FUNCTION_CALL:
        read = read_json(message.content) if isinstance(message.content, str) else None
        for call in read if isinstance(read, list) else [read]:
            if isinstance(call, dict):
                yield _call(Placed(call, message.content_path, in_text=True), None, message, message.content_path)
        return
    calls = message.value.get(TOOL_CALLS)
    for index, call in enumerate(calls if isinstance(calls, list) else ()):
        if isinstance(call, dict) and isinstance(call.get("function"), dict):
            path = (*message.path, TOOL_CALLS, index)
            yield _call(Placed(call["function"], (*path, "function")), call.get("id"), message, path)


def _call(function: Placed, id_: Any, message: Message, path: Path) -> Call:
    def placed(key: str) -> Placed:
        at = function.at(key) if key in function.value else function.path
        return Placed(function.value.get(key), at, function.in_text)

    return Call(placed("name"), placed("arguments"), id_, message, path)


def read_json(text: str) -> Any:
    """What a text of JSON holds; None when it is none."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
