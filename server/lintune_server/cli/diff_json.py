"""`lintune diff --json`: one object, by `diff-report.schema.json` of lintune_schemas."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_server.lint.data_set_diff import DataSetDiff
    from lintune_server.lint.findings import Finding
    from lintune_server.lint.scanning import Scan


def write(found: DataSetDiff, out: TextIO) -> None:
    old, new = found.scans
    comparison = found.comparison
    labels = found.labels
    report = {
        "version": 1,
        "old": _side(found, 0, str(found.old_path)),
        "new": _side(found, 1, str(found.new_path)),
        "unchanged": len(comparison.same),
        "moved": comparison.moved,
        "edited": [
            {
                "old_line": edit.old_line + 1,
                "new_line": edit.new_line + 1,
                "fields": [list(path) for path in edit.fields],
                "old_tokens": edit.old_tokens or None,
                "new_tokens": edit.new_tokens or None,
            }
            for edit in found.edits
        ],
        "added": _samples(new, comparison.added),
        "removed": _samples(old, comparison.removed),
        "labels": (
            None
            if labels is None
            else [{"label": label, "old": before, "new": after} for label, (before, after) in labels.items()]
        ),
        "new_findings": [_finding(finding) for finding in found.new_findings],
        "gone_findings": [_finding(finding) for finding in found.gone_findings],
    }
    json.dump(report, out, ensure_ascii=False, indent=2)
    out.write("\n")


def _side(found: DataSetDiff, which: int, path: str) -> dict[str, Any]:
    scan, tokens = found.scans[which], found.tokens()[which]
    return {
        "path": path,
        "samples": len(scan.data),
        "tokens": (tokens.total if tokens else 0) if found.counted else None,
        "trained_tokens": found.trained_tokens()[which] if found.counted else None,
        "median": tokens.median if tokens and found.counted else None,
        "p99": tokens.p99 if tokens and found.counted else None,
        "max": tokens.most if tokens and found.counted else None,
    }


def _samples(scan: Scan, indices: Sequence[int]) -> list[dict[str, Any]]:
    return [{"line": scan.data.lines[index] + 1, "tokens": scan.part.tokens[index] or None} for index in indices]


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.label,
        "message": finding.message,
        "line": None if finding.whole_file else finding.range.start.line + 1,
    }
