"""What is kept of every sample to find fields that only a few samples of a file have, or lack."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lintune_schemas.samples import IGNORE_KEY
from lintune_server.lint.data_set import fact

if TYPE_CHECKING:
    from lintune_schemas.samples import Layout
    from lintune_server.lint.sample import Line

_SEPARATOR = "\x1f"
"""In no key that a person would write; others are left out."""
_TYPES = {str: "s", int: "n", float: "n", bool: "b", list: "l", dict: "o", type(None): "-"}
TYPE_NAMES = {"s": "a text", "n": "a number", "b": "true or false", "l": "a list", "o": "an object"}
NULL = "-"
OTHER_LAYOUT = ""
_IN_MESSAGE = "m"


@dataclass(frozen=True, slots=True)
class Signature:
    """The fields of a sample that its format does not have."""

    types: dict[str, str]
    """Of the sample itself, with the type of each: a key of `TYPE_NAMES`, or `NULL`."""
    in_messages: tuple[str, ...]
    """Those of its messages."""


@fact()
def signature(line: Line) -> str:
    """Keys that the file's format does not have, with their types; empty for a sample in another layout."""
    layout, sample = line.layout, line.sample
    if sample is None or layout is None or layout is not line.surroundings.layout:
        return OTHER_LAYOUT
    found = _SEPARATOR
    if not sample.keys() <= layout.known_set:
        found += _written(tuple(sample), tuple(map(type, sample.values())), layout.known)
    return found if line.plain else found + _of_messages(line, layout)


def read_signature(text: str) -> Signature:
    parts = [part for part in text.split(_SEPARATOR) if part]
    return Signature(
        {part[1:]: part[0] for part in parts if part[0] != _IN_MESSAGE},
        tuple(part[1:] for part in parts if part[0] == _IN_MESSAGE),
    )


@lru_cache(maxsize=4096)
def _written(keys: tuple[str, ...], types: tuple[type, ...], known: tuple[str, ...]) -> str:
    left_out = {*known, IGNORE_KEY}
    pairs = ((key, kind) for key, kind in zip(keys, types, strict=True) if key not in left_out)
    return "".join(sorted(f"{_TYPES[kind]}{key}{_SEPARATOR}" for key, kind in pairs if _SEPARATOR not in key))


def _of_messages(line: Line, layout: Layout) -> str:
    known = layout.message.known
    found: set[Any] = set()
    for message in line.messages:
        if isinstance(message.value, dict):
            found |= message.value.keys() - known
    return "".join(f"{_IN_MESSAGE}{key}{_SEPARATOR}" for key in sorted(found) if _SEPARATOR not in key)
