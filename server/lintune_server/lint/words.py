"""Small pieces of messages: lists, kinds of values, the name that was probably meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN = 6


def listed(names: Iterable[str], last: str = "and") -> str:
    """`a, b and c`; of many, the first few and how many more there are."""
    shown = list(names)
    if len(shown) > _SHOWN + 1:
        shown = [*shown[:_SHOWN], f"{len(shown) - _SHOWN} more"]
    return f"{', '.join(shown[:-1])} {last} {shown[-1]}" if len(shown) > 1 else "".join(shown)


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that this one is most likely a misspelling of, if any."""
    from difflib import get_close_matches  # only for what is found

    found = get_close_matches(name, list(known), n=1, cutoff=0.75)
    return found[0] if found else None


def json_kind(value: object) -> str:
    """What a parsed value is, as people call it."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return "a text"
        case list():
            return "a list"
    return "an object"
