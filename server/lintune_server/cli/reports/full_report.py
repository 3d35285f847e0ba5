"""Each finding with the piece of its line that it is about, file by file, and a line for each rule at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from lintune_server.cli.reports import SHOWN
from lintune_server.cli.reports.excerpt import excerpt
from lintune_server.cli.reports.limit import first_of_each, left_out
from lintune_server.cli.reports.masked_lines import MaskedLines
from lintune_server.cli.summary import summary
from lintune_server.cli.terminal import BOLD, COLOURS, DIM, Look, clean, nearby, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.cli.tally import OfRule, Tally
    from lintune_server.lint.checking import Checked
    from lintune_server.lint.findings import Finding, Related

_INDENT = " " * 4


class Writer:
    def __init__(self, out: TextIO, limit: int | None) -> None:
        self._out = out
        self._look = Look.of(out)
        self._limit = SHOWN if limit is None else limit

    def add(self, file: Checked) -> None:
        if not file.findings:
            return
        paint = self._look.paint
        self._say(paint(clean(str(file.path)), BOLD))
        shown, left = first_of_each(file.findings, self._limit)
        lines = MaskedLines(file)
        for finding in shown:
            self._say("\n".join([*self._heading(finding), *self._excerpt(lines, finding), *self._notes(file, finding)]))
            self._say("")
        if left:
            for line in wrap(left_out(left), self._look.width, "  "):
                self._say(paint(line, DIM))
            self._say("")

    def end(self, tally: Tally) -> None:
        rules = sorted(tally.rules.items(), key=lambda item: (-item[0][0], item[0][1]))
        width = max((len(rule.name) for rule in tally.rules.values()), default=0)
        digits = max((len(f"{rule.count:,}") for rule in tally.rules.values()), default=0)
        for (severity, code), rule in rules:
            label = self._look.paint(f"{severity.label:<7}", COLOURS[severity])
            line = f"{label} {code} {rule.name:<{width}} {rule.count:>{digits},}"
            self._say(f"{line} {self._look.paint(_ways(rule), DIM)}".rstrip())
        if rules:
            self._say("")
        for line in summary(tally).splitlines():
            self._out.writelines(f"{wrapped}\n" for wrapped in wrap(line, self._look.width))

    def _heading(self, finding: Finding) -> Iterator[str]:
        paint = self._look.paint
        start = finding.range.start
        place = "whole file" if finding.whole_file else f"{start.line + 1}:{start.column + 1}"
        label = paint(finding.severity.label, COLOURS[finding.severity])
        yield f"  {place} {label} {paint(finding.code, BOLD)} {finding.name}"
        yield from wrap(finding.message, self._look.width, _INDENT)

    def _excerpt(self, lines: MaskedLines, finding: Finding) -> Iterator[str]:
        if finding.whole_file:
            return
        number = f"{finding.range.start.line + 1:>7}"
        line = lines.text(finding.range.start.line)
        text, marks = excerpt(line, finding, self._look.width - len(number) - 3)
        yield f"{self._look.paint(f'{number} │', DIM)} {text}"
        if marks:
            bar = self._look.paint(f"{' ' * len(number)} │", DIM)
            yield f"{bar} {self._look.paint(marks, COLOURS[finding.severity])}"

    def _notes(self, file: Checked, finding: Finding) -> Iterator[str]:
        for related in finding.related:
            yield from wrap(f"see {_place(related, file)}: {related.message}", self._look.width, _INDENT)
        if finding.fix:
            way = "--fix" if finding.fix.safe else "--fix --unsafe, may lose data"
            yield from wrap(f"fix: {finding.fix.title} ({way})", self._look.width, _INDENT)

    def _say(self, line: str) -> None:
        self._out.write(f"{line}\n")


def _ways(rule: OfRule) -> str:
    """How its findings are mended, and how many when it is not all of them."""
    ways = (("--fix", rule.safe), ("--fix --unsafe", rule.unsafe))
    return ", ".join(way if count == rule.count else f"{count:,} with {way}" for way, count in ways if count)


def _place(related: Related, file: Checked) -> str:
    if related.path == file.path:
        column = f", column {related.columns[0] + 1}" if related.columns else ""
        return f"line {related.line + 1}{column}"
    return f"{nearby(related.path)}:{related.line + 1}"
