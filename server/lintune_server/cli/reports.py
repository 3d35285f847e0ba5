"""How findings are printed: for people (full, concise), for programs (json), for GitHub's annotations (github)."""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING, Any

from lintune_server.lint.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lintune_server.lint.checking import Checked
    from lintune_server.lint.findings import Edit, Finding, Range

_WIDTH = 80
_COLOURS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.INFO: "36", Severity.HINT: "2"}


def full(checked: Sequence[Checked], fixed: int) -> str:
    """Each finding with the piece of its line that it is about."""
    parts = []
    for file in checked:
        for finding in file.findings:
            excerpt = _excerpt(file.lines.text(finding.range.start.line), finding)
            notes = [f"      = see line {related.line + 1}: {related.message}" for related in finding.related]
            if finding.fix:
                safe = "" if finding.fix.safe else " (may lose data: not applied by --fix)"
                notes.append(f"      = fix: {finding.fix.title}{safe}")
            parts.append("\n".join([_heading(file, finding), *excerpt, *notes]) + "\n\n")
    return "".join(parts) + _summary(checked, fixed)


def concise(checked: Sequence[Checked], fixed: int) -> str:
    """One line a finding."""
    lines = [f"{_heading(file, finding)}\n" for file in checked for finding in file.findings]
    return "".join(lines) + _summary(checked, fixed)


def json_(checked: Sequence[Checked], _: int) -> str:
    """One object, by `check-report.schema.json` of lintune_schemas."""
    counts = _counts(checked)
    report = {
        "version": 1,
        "files": [_file(file) for file in checked],
        "findings": [_finding(file, finding) for file in checked for finding in file.findings],
        "summary": {f"{severity.label}s": counts[severity] for severity in sorted(Severity, reverse=True)},
    }
    return json.dumps(report, ensure_ascii=False, indent=2) + "\n"


def github(checked: Sequence[Checked], _: int) -> str:
    """Workflow commands, which GitHub shows beside the lines of a pull request."""
    kinds = {Severity.ERROR: "error", Severity.WARNING: "warning"}

    def lines() -> Iterator[str]:
        for file in checked:
            for finding in file.findings:
                start, end = finding.range.start, finding.range.end
                message = finding.message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
                place = (
                    f"file={file.path},line={start.line + 1},endLine={end.line + 1},"
                    f"col={start.column + 1},endColumn={end.column + 1}"
                )
                yield f"::{kinds.get(finding.severity, 'notice')} {place},title={finding.code}::{message}\n"

    return "".join(lines())


WRITERS: dict[str, Callable[[Sequence[Checked], int], str]] = {
    "full": full,
    "concise": concise,
    "json": json_,
    "github": github,
}


def _heading(file: Checked, finding: Finding) -> str:
    start = finding.range.start
    label = _paint(finding.severity.label, _COLOURS[finding.severity])
    return f"{file.path}:{start.line + 1}:{start.column + 1}: {label} {_paint(finding.code, '1')} {finding.message}"


def _excerpt(line: str, finding: Finding) -> list[str]:
    """The line around the finding, and marks under it; control characters are shown as dots."""
    start = finding.range.start.column
    end = finding.range.end.column if finding.range.end.line == finding.range.start.line else len(line)
    room = _WIDTH - 8
    first = 0 if len(line) <= room else max(0, min(start - room // 3, len(line) - room))
    shown = "".join(char if char.isprintable() else "·" for char in line[first : first + room])
    shown = f"{'…' if first else ''}{shown}{'…' if first + room < len(line) else ''}"
    begin = start - first + (1 if first else 0)
    length = max(min(end, first + room) - start, 1)
    marks = " " * _cells(shown[:begin]) + "^" * max(_cells(shown[begin : begin + length]), 1)
    number = str(finding.range.start.line + 1)
    return [f"{number:>5} | {shown}", f"      | {_paint(marks, _COLOURS[finding.severity])}"]


def _cells(text: str) -> int:
    """Columns that a text takes in a terminal."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def _summary(checked: Sequence[Checked], fixed: int) -> str:
    counts = _counts(checked)
    said = [_number(counts[severity], severity.label) for severity in sorted(counts, reverse=True)]
    found = f"Found {', '.join(said)}." if said else "Nothing found."
    samples = sum(file.totals.samples for file in checked if file.totals)
    tokens = [file.totals.tokens for file in checked if file.totals and file.totals.tokens is not None]
    read = f"{_number(len(checked), 'file')}, {_number(samples, 'sample')}"
    if tokens:
        read += f", {_number(sum(tokens), 'token')}"
    fixable = sum(finding.fix is not None and finding.fix.safe for file in checked for finding in file.findings)
    ways = f" {fixable} can be mended with --fix." if fixable else ""
    mended = f" Mended {fixed}." if fixed else ""
    return f"{found}{mended}{ways} Checked {read}.\n"


def _number(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _counts(checked: Sequence[Checked]) -> Counter[Severity]:
    return Counter(finding.severity for file in checked for finding in file.findings)


def _file(file: Checked) -> dict[str, Any]:
    totals = file.totals
    return {
        "path": str(file.path),
        "format": "recipe" if totals is None else totals.format,
        "samples": totals.samples if totals else None,
        "tokens": totals.tokens if totals else None,
        "trained_tokens": totals.trained_tokens if totals else None,
    }


def _finding(file: Checked, finding: Finding) -> dict[str, Any]:
    fix = finding.fix
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.label,
        "message": finding.message,
        "path": str(file.path),
        "sample": finding.range.start.line + 1 if file.totals else None,
        "range": _range(finding.range),
        "fix": {"title": fix.title, "safe": fix.safe, "edits": [_edit(edit) for edit in fix.edits]} if fix else None,
        "related": [
            {"path": str(related.path), "line": related.line + 1, "message": related.message}
            for related in finding.related
        ],
    }


def _edit(edit: Edit) -> dict[str, Any]:
    return {"range": _range(edit.range), "text": edit.text}


def _range(range_: Range) -> dict[str, Any]:
    return {
        name: {"line": position.line + 1, "column": position.column + 1}
        for name, position in (("start", range_.start), ("end", range_.end))
    }


def _paint(text: str, code: str) -> str:
    coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    return f"\x1b[{code}m{text}\x1b[0m" if coloured else text
