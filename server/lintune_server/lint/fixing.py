"""Applying fixes: which go together, and the text that they give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.lines import LINE_END

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import BinaryIO

    from lintune_server.lint.findings import Edit, Finding, Position, Range
    from lintune_server.lint.scanning import DiskLines


def safe_edits(findings: Iterable[Finding]) -> list[Edit]:
    """The edits of all safe fixes that can be applied at once."""
    return edits_of(findings, unsafe=False)


def edits_of(findings: Iterable[Finding], *, unsafe: bool) -> list[Edit]:
    """The edits of all fixes that can be applied at once; unsafe: those that may lose data among them."""
    return independent(finding.fix.edits for finding in findings if finding.fix and (finding.fix.safe or unsafe))


def independent(fixes: Iterable[Sequence[Edit]]) -> list[Edit]:
    """The edits of as many fixes as can be applied at once, each whole; of two that touch, the first."""
    taken: list[Edit] = []
    by_line: dict[int, list[Range]] = {}
    for edits in fixes:
        lines = [(edit.range, range(edit.range.start.line, edit.range.end.line + 1)) for edit in edits]
        if any(overlap(place, other) for place, on in lines for line in on for other in by_line.get(line, ())):
            continue
        for place, on in lines:
            for line in on:
                by_line.setdefault(line, []).append(place)
        taken.extend(edits)
    return sorted(taken, key=lambda edit: edit.range)


def overlap(one: Range, other: Range) -> bool:
    """Whether two ranges share a character, or touch when one of them is empty."""
    if one.start == one.end or other.start == other.end:
        return one.start <= other.end and other.start <= one.end
    return one.start < other.end and other.start < one.end


def rewrite(lines: DiskLines, edits: Sequence[Edit], output: BinaryIO) -> None:
    """Write a file's bytes with edits that are sorted and do not overlap; all others are copied as they are."""
    at = 0
    for edit in edits:
        start = lines.offset(edit.range.start)
        for block in lines.read(at, start):
            output.write(block)
        output.write(edit.text.encode("utf-8", "surrogateescape"))
        at = lines.offset(edit.range.end)
    for block in lines.read(at, lines.size):
        output.write(block)


def apply(text: str, edits: Sequence[Edit]) -> str:
    """The text after edits that are sorted and do not overlap."""
    starts = [0, *(match.end() for match in LINE_END.finditer(text))]

    def offset(position: Position) -> int:
        return starts[position.line] + position.column

    parts: list[str] = []
    at = 0
    for edit in edits:
        parts += [text[at : offset(edit.range.start)], edit.text]
        at = offset(edit.range.end)
    return "".join([*parts, text[at:]])
