"""Tools as a sample declares and calls them, whatever is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from lintune_schemas.samples import FUNCTION_CALL, TOOL_CALLS, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.samples import Message, Path
    from lintune_server.lint.sample import Line


@dataclass(frozen=True, slots=True)
class Placed:
    """Something with its place in the sample. What stands in a text of JSON has that text's place."""

    value: Any
    path: Path
    in_text: bool = False

    def at(self, *steps: str | int) -> Path:
        return self.path if self.in_text else (*self.path, *steps)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool."""

    name: Placed
    arguments: Placed
    id: Any
    """What its result refers to; None when it has none."""
    message: Message
    path: Path


def declared_in(line: Line) -> tuple[list[Placed], Placed | None]:
    """The entries of a sample's list of tools; and the whole where it is a text that holds no such list."""
    for one in line.layout.fields if line.layout and line.sample else ():
        if one.kind is Kind.TOOLS and line.sample:
            value, path = line.sample.get(one.key), (one.key,)
            if isinstance(value, list):
                return [Placed(entry, (one.key, index)) for index, entry in enumerate(value)], None
            if isinstance(value, str) and value.strip():
                entries = read_json(value)
                if isinstance(entries, list):
                    return [Placed(entry, path, in_text=True) for entry in entries], None
                return [], Placed(value, path)
    return [], None


def has_tools(line: Line) -> bool:
    """Whether a sample says which tools there are, if only that there are none."""
    return any(
        one.kind is Kind.TOOLS and line.sample is not None and line.sample.get(one.key) is not None
        for one in (line.layout.fields if line.layout else ())
    )


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
