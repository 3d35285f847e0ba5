"""What the rules of quality read of a sample: the answers it teaches, and where in a text prose is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lintune_schemas.samples import TOOL_CALLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.samples import Path
    from lintune_server.lint.sample import Line

_FENCED = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|``[^\n]*?``|`[^`\n]*`", re.DOTALL)
_QUOTES = (("“", "”"), ("«", "»"), ("„", "“"), ("「", "」"))


def call_arguments(line: Line) -> Iterator[tuple[Path, str]]:
    """The texts in the arguments of tool calls, which the model learns to write as well."""
    if b'"tool_calls"' not in line.compact:
        return
    for message in line.messages:
        calls = message.fields.get(TOOL_CALLS) if message.fields else None
        for index, call in enumerate(calls if isinstance(calls, list) else ()):
            function = call.get("function") if isinstance(call, dict) else None
            if isinstance(function, dict):
                path = (*message.path, TOOL_CALLS, index, "function", "arguments")
                yield from _strings(function.get("arguments"), path)


def everything(line: Line) -> Iterator[tuple[Path, str]]:
    """Every text of a sample that reaches the model, the arguments of tool calls among them."""
    for text in line.texts:
        yield text.path, text.text
    yield from call_arguments(line)


def _strings(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, member in value.items():
            yield from _strings(member, (*path, key))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _strings(member, (*path, index))


def without_code(text: str) -> str:
    """The text with everything in code fences and code spans blanked, so that offsets stay as they are."""
    if "`" not in text and "~~~" not in text:
        return text
    return _FENCED.sub(lambda match: " " * len(match.group()), text)


def shortened(text: str, longest: int = 40) -> str:
    """For messages: on one line, and cut when it is long."""
    text = " ".join(text.split())
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def is_quoted(text: str, at: int) -> bool:
    """Whether a place is within quotation marks that were opened in its paragraph."""
    before = text[text.rfind("\n", 0, at) + 1 : at]
    return before.count('"') % 2 == 1 or any(before.count(left) > before.count(right) for left, right in _QUOTES)
