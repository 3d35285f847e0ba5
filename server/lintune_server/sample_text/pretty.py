"""JSON on several lines, as a person reads it: what fits on a line stays on one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lintune_schemas import exact_json

if TYPE_CHECKING:
    from collections.abc import Iterator

_WIDTH = 88
"""Characters of a line, its indent included."""
_INDENT = "  "


def lines(value: Any) -> list[str]:
    """The lines of a value as exact_json reads it."""
    return list(_lines(value, "", "", ""))


def _lines(value: Any, indent: str, before: str, after: str) -> Iterator[str]:
    """before, after: what stands on the first line before the value, and on the last behind it."""
    flat = f"{indent}{before}{one_line(value)}{after}"
    if len(flat) <= _WIDTH or not isinstance(value, dict | list) or not value:
        yield flat
        return
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    yield f"{indent}{before}{opening}"
    keyed = value.items() if isinstance(value, dict) else ((None, item) for item in value)
    for number, (key, item) in enumerate(keyed, 1):
        name = "" if key is None else f"{_string(key)}: "
        yield from _lines(item, indent + _INDENT, name, "," if number < len(value) else "")
    yield f"{indent}{closing}{after}"


def one_line(value: Any) -> str:
    """With a space behind commas and colons."""
    match value:
        case dict():
            return "{" + ", ".join(f"{_string(key)}: {one_line(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(one_line, value)) + "]"
    return exact_json.dumps(value)


def _string(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(text)
    return exact_json.dumps(text)
