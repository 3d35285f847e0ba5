"""One line a finding: to search in, to count, to jump from in an editor."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from lintune_server.cli.reports import SHOWN
from lintune_server.cli.reports.limit import first_of_each, left_out
from lintune_server.cli.summary import summary
from lintune_server.cli.terminal import BOLD, COLOURS, DIM, Look, clean

if TYPE_CHECKING:
    from lintune_server.cli.tally import Tally
    from lintune_server.lint.checking import Checked


class Writer:
    """On a terminal the first findings of each rule; elsewhere, as in a pipe, all of them."""

    def __init__(self, out: TextIO, limit: int | None) -> None:
        self._out = out
        self._look = Look.of(out)
        self._limit = (SHOWN if out.isatty() else 0) if limit is None else limit

    def add(self, file: Checked) -> None:
        paint = self._look.paint
        path = clean(str(file.path))
        shown, left = first_of_each(file.findings, self._limit)
        for finding in shown:
            start = finding.range.start
            label = paint(finding.severity.label, COLOURS[finding.severity])
            place = f"{path}:{start.line + 1}:{start.column + 1}"
            self._out.write(f"{place}: {label} {paint(finding.code, BOLD)} {clean(finding.message)}\n")
        if left:
            self._out.write(paint(f"{path}: {left_out(left)}", DIM) + "\n")

    def end(self, tally: Tally) -> None:
        self._out.write(summary(tally))
