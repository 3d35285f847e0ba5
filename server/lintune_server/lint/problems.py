"""What a rule yields: a message, and a spot in terms of the sample. The linter turns spots into ranges.

Positions are looked up only for what was found, so clean lines never pay for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path as FilePath

    from lintune_schemas.samples import Path
    from lintune_server.lint.findings import Range, Severity


@dataclass(frozen=True, slots=True)
class Value:
    """The JSON value at a path; or, of a string value, the characters `start` to `end` (half-open, decoded)."""

    path: Path = ()
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """Raw columns of the line, half-open; without an end, to the end of the line."""

    start: int = 0
    end: int | None = None


@dataclass(frozen=True, slots=True)
class LineBreak:
    """The line with its line end: what is deleted to take a sample out."""

    line: int | None = None
    """Another line than the problem's, counted from 0; for rules that see the whole file."""


@dataclass(frozen=True, slots=True)
class Key:
    """The key, quotes included, of the object's member at a path."""

    path: Path


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an object or an element of a list, with the comma that goes with it: to take it out whole."""

    path: Path


@dataclass(frozen=True, slots=True)
class LineEnd:
    """The line end behind the line."""

    line: int | None = None
    """As for `LineBreak`."""


@dataclass(frozen=True, slots=True)
class WholeFile:
    """All of the file. Shown at its first line."""


Spot = Value | Key | Member | Columns | LineBreak | LineEnd | WholeFile


@dataclass(frozen=True, slots=True)
class Change:
    """Replace what is at a spot by `text`, which is raw JSON."""

    spot: Spot
    text: str


@dataclass(frozen=True, slots=True)
class Remedy:
    title: str
    changes: tuple[Change, ...]
    safe: bool = True


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another sample (0-based line) that the problem is about; or another place on its own line."""

    line: int | None
    """None for the problem's own line."""
    message: str
    path: FilePath | None = None
    """None for the same file."""
    spot: Spot = Value()
    """Where on the problem's own line."""


@dataclass(frozen=True, slots=True)
class Problem:
    message: str
    spot: Spot = Value()
    remedy: Remedy | None = None
    severity: Severity | None = None
    """Only where it differs from the rule's own."""
    elsewhere: tuple[Elsewhere, ...] = ()


@dataclass(frozen=True, slots=True)
class RecipeProblem:
    """The same for recipes, whose positions are known from the start."""

    message: str
    range: Range
    title: str = ""
    replacement: str | None = None
    """What to write in the place of `range` (or of `replace_range`), when a fix is certain."""
    severity: Severity | None = None
    replace_range: Range | None = None
    more: tuple[tuple[Range, str], ...] = ()
    """Other places that the same fix changes, each with what to write there; an empty range is an insertion."""
    safe: bool = True
    """Whether the fix leaves what is trained as it is meant; else it is never applied without being asked for."""
