"""What the linter says: a finding, where it is, and how it could be fixed. Positions are 0-based code points."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path  # noqa: TC003 (msgspec reads the fields' types)


class Severity(IntEnum):
    """Ordered: a larger value is more severe."""

    HINT = 0
    INFO = 1
    WARNING = 2
    ERROR = 3

    @property
    def label(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True, order=True)
class Position:
    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """Half-open: the end is the first position after it."""

    start: Position
    end: Position


@dataclass(frozen=True, slots=True)
class Edit:
    range: Range
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that mend a finding. A fix that is not safe may lose data: it is never applied without being asked for."""

    title: str
    edits: tuple[Edit, ...]
    safe: bool = True


@dataclass(frozen=True, slots=True)
class Related:
    """Another place that a finding is about, as the first of two duplicates."""

    path: Path
    line: int
    message: str
    columns: tuple[int, int] | None = None
    """Known only on the finding's own line; half-open."""


@dataclass(frozen=True, slots=True)
class Finding:
    code: str
    name: str
    severity: Severity
    message: str
    range: Range
    fix: Fix | None = None
    related: tuple[Related, ...] = ()
    whole_file: bool = False
    """Whether it is about the file and only shown at a line of it."""
