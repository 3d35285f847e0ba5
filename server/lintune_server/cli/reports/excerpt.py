"""The piece of a line that a finding is about, with marks under it, cut to the width of a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lintune_server.cli.terminal import cells, clean, cut

if TYPE_CHECKING:
    from lintune_server.lint.findings import Finding


class Excerpt(NamedTuple):
    text: str
    marks: str
    """Empty when it is about the whole line."""


def excerpt(line: str, finding: Finding, room: int) -> Excerpt:
    """room: columns of the terminal that either may take."""
    start = min(finding.range.start.column, len(line))
    end = finding.range.end.column if finding.range.end.line == finding.range.start.line else len(line)
    first = _first(line, start, min(end, len(line)), room - 2)
    before = "…" if first else ""
    shown = cut(clean(line[first : first + room]), room - 2)
    after = "…" if first + len(shown) < len(line) else ""
    if start <= len(line) - len(line.lstrip()) and end >= len(line.rstrip()) and line:
        return Excerpt(before + shown + after, "")
    lead = cells(before + shown[: start - first])
    length = cells(shown[start - first : end - first])
    goes_on = "…" if after and end > first + len(shown) else ""
    return Excerpt(before + shown + after, f"{' ' * lead}{'^' * max(length, 1)}{goes_on}")


def _first(line: str, start: int, end: int, room: int) -> int:
    """The column to begin at: with something before the finding, and as much of it as there is room for."""
    if len(line) <= room and cells(line) <= room:
        return 0
    lead = max(room // 3, room - (end - start) - room // 6) if end - start < room else room // 6
    first = max(0, min(start - min(lead, room // 2), len(line) - room))
    while first < start and cells(line[first:start]) > room // 2:  # wide characters
        first += 1
    return first
