"""One object, by `check-report.schema.json` of lintune_schemas; a finding a line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TextIO

from lintune_server.cli.reports.limit import first_of_each
from lintune_server.cli.terminal import nearby
from lintune_server.lint.findings import Severity

if TYPE_CHECKING:
    from lintune_server.cli.tally import Tally
    from lintune_server.lint.checking import Checked
    from lintune_server.lint.findings import Edit, Finding, Range


class Writer:
    def __init__(self, out: TextIO, limit: int | None) -> None:
        self._out = out
        self._limit = limit or 0
        self._files: list[dict[str, Any]] = []
        self._separator = "\n  "
        out.write('{\n "version": 1,\n "findings": [')

    def add(self, file: Checked) -> None:
        self._files.append(_file(file))
        for finding in first_of_each(file.findings, self._limit)[0]:
            self._out.write(self._separator + _dump(finding_object(file, finding)))
            self._separator = ",\n  "

    def end(self, tally: Tally) -> None:
        files = ",\n  ".join(map(_dump, self._files))
        summary = {f"{severity.label}s": tally.severities[severity] for severity in sorted(Severity, reverse=True)}
        after = "\n " if self._separator.startswith(",") else ""
        self._out.write(f'{after}],\n "files": [{f"{chr(10)}  {files}{chr(10)} " if files else ""}],\n')
        self._out.write(f' "summary": {_dump(summary)}\n}}\n')


def finding_object(file: Checked, finding: Finding) -> dict[str, Any]:
    fix = finding.fix
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.label,
        "message": finding.message,
        "path": str(file.path),
        "sample": finding.range.start.line + 1 if file.totals and not finding.whole_file else None,
        "range": _range(finding.range),
        "fix": {"title": fix.title, "safe": fix.safe, "edits": [_edit(edit) for edit in fix.edits]} if fix else None,
        "related": [
            {"path": str(nearby(related.path)), "line": related.line + 1, "message": related.message}
            for related in finding.related
        ],
    }


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _file(file: Checked) -> dict[str, Any]:
    totals = file.totals
    return {
        "path": str(file.path),
        "format": "recipe" if totals is None else totals.format,
        "samples": totals.samples if totals else None,
        "tokens": totals.tokens if totals else None,
        "trained_tokens": totals.trained_tokens if totals else None,
    }


def _edit(edit: Edit) -> dict[str, Any]:
    return {"range": _range(edit.range), "text": edit.text}


def _range(range_: Range) -> dict[str, Any]:
    return {
        name: {"line": position.line + 1, "column": position.column + 1}
        for name, position in (("start", range_.start), ("end", range_.end))
    }
