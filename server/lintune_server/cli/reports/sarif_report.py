"""SARIF 2.1.0 (OASIS, 2020), as code scanning services read it."""

from __future__ import annotations

import contextlib
import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import quote

from lintune_server.cli.reports.limit import first_of_each
from lintune_server.lint import baseline
from lintune_server.lint.findings import Severity
from lintune_server.rule_book import BY_CODE
from lintune_server.rules import FAMILIES

if TYPE_CHECKING:
    from lintune_server.cli.tally import Tally
    from lintune_server.lint.checking import Checked
    from lintune_server.lint.findings import Finding, Fix, Range

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note", Severity.HINT: "note"}
_ROOT = "%SRCROOT%"


class Writer:
    def __init__(self, out: TextIO, limit: int | None) -> None:
        self._out = out
        self._limit = limit or 0
        self._rules: dict[str, int] = {}
        """The index of each rule that was found."""
        self._separator = "\n"
        beginning = {"$schema": _SCHEMA, "version": "2.1.0"}
        out.write(f'{json.dumps(beginning)[:-1]}, "runs": [{{"columnKind": "unicodeCodePoints", "results": [')

    def add(self, file: Checked) -> None:
        for finding in first_of_each(file.findings, self._limit)[0]:
            index = self._rules.setdefault(finding.code, len(self._rules))
            self._out.write(self._separator + json.dumps(_result(file, finding, index), ensure_ascii=False))
            self._separator = ",\n"

    def end(self, _: Tally) -> None:
        driver = {"name": "Lintune", "rules": [_rule(code) for code in self._rules]}
        with contextlib.suppress(PackageNotFoundError):
            driver["semanticVersion"] = version("lintune")
        self._out.write(f'\n], "tool": {json.dumps({"driver": driver}, ensure_ascii=False)}}}]}}\n')


def _rule(code: str) -> dict[str, Any]:
    rule = BY_CODE[code]
    return {
        "id": code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.summary},
        "help": {"text": rule.doc, "markdown": rule.doc},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"tags": [FAMILIES[rule.family]]},
    }


def _result(file: Checked, finding: Finding, index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [
            {"physicalLocation": {"artifactLocation": _artifact(file.path), "region": _region(finding.range)}}
        ],
        "partialFingerprints": {"sample/v1": baseline.identity(finding, file.lines.text)},
    }
    if finding.related:
        result["relatedLocations"] = [
            {
                "physicalLocation": {
                    "artifactLocation": _artifact(related.path),
                    "region": {"startLine": related.line + 1},
                },
                "message": {"text": related.message},
            }
            for related in finding.related
        ]
    if finding.fix:
        result["fixes"] = [_fix(file.path, finding.fix)]
    return result


def _fix(path: Path, fix: Fix) -> dict[str, Any]:
    replacements = [
        {"deletedRegion": _region(edit.range), "insertedContent": {"text": edit.text}} for edit in fix.edits
    ]
    return {
        "description": {"text": fix.title},
        "artifactChanges": [{"artifactLocation": _artifact(path), "replacements": replacements}],
    }


def _region(range_: Range) -> dict[str, int]:
    return {
        "startLine": range_.start.line + 1,
        "startColumn": range_.start.column + 1,
        "endLine": range_.end.line + 1,
        "endColumn": range_.end.column + 1,
    }


def _artifact(path: Path) -> dict[str, str]:
    """A path in the working folder is one from the root of the repository, as services want it."""
    absolute = path.absolute()
    try:
        return {"uri": quote(absolute.relative_to(Path.cwd()).as_posix()), "uriBaseId": _ROOT}
    except ValueError:
        return {"uri": absolute.as_uri()}
