"""What a file that is converted consists of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Taken:
    """A sample."""

    place: str
    """As behind a path: `7`, the line that it begins on."""
    text: str
    """A JSON object on one line. Bytes that could not be decoded are lone surrogates in it."""


@dataclass(frozen=True, slots=True)
class Left:
    """Something that cannot be converted."""

    place: str
    """As behind a path: `7:16`, line and column, counted from 1."""
    why: str
    """A clause or two."""


Item = Taken | Left
