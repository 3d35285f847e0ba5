"""Workflow commands, which GitHub shows beside the lines of a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from lintune_server.cli.reports.limit import first_of_each
from lintune_server.lint.findings import Severity

if TYPE_CHECKING:
    from lintune_server.cli.tally import Tally
    from lintune_server.lint.checking import Checked

_KINDS = {Severity.ERROR: "error", Severity.WARNING: "warning"}


class Writer:
    def __init__(self, out: TextIO, limit: int | None) -> None:
        self._out = out
        self._limit = limit or 0

    def add(self, file: Checked) -> None:
        for finding in first_of_each(file.findings, self._limit)[0]:
            start, end = finding.range.start, finding.range.end
            place = (
                f"file={_property(file.path.as_posix())},line={start.line + 1},endLine={end.line + 1},"
                f"col={start.column + 1},endColumn={end.column + 1},title={_property(finding.code)}"
            )
            kind = _KINDS.get(finding.severity, "notice")
            self._out.write(f"::{kind} {place}::{_data(finding.message)}\n")

    def end(self, _: Tally) -> None:
        """The workflow's log says no more."""


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
