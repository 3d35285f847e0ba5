"""One page to look at and to send around: what was found, and plots of the data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from lintune_server.cli.reports import SHOWN, html_plots
from lintune_server.cli.reports.html_page import markdown, page, text
from lintune_server.cli.reports.limit import first_of_each
from lintune_server.cli.reports.masked_lines import MaskedLines
from lintune_server.cli.terminal import nearby, number
from lintune_server.lint import statistics
from lintune_server.lint.findings import Severity
from lintune_server.rule_book import BY_CODE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lintune_server.cli.reports.html_plots import Node
    from lintune_server.cli.tally import Tally
    from lintune_server.lint.checking import Checked
    from lintune_server.lint.findings import Finding

_BEFORE, _LONGEST, _AFTER = 60, 300, 60
"""Characters of a line that are shown around what a finding is about, and of that itself."""
_GROUPS = 10


class Writer:
    def __init__(self, out: TextIO, limit: int | None) -> None:
        self._out = out
        self._limit = SHOWN if limit is None else limit
        self._sections: list[str] = []

    def add(self, file: Checked) -> None:
        self._sections.append("\n".join(self._section(file)))

    def end(self, tally: Tally) -> None:
        body = "\n".join([*_heading(tally), *self._sections])
        self._out.write(page("Lintune report", body))

    def _section(self, file: Checked) -> Iterator[str]:
        yield f"<h2>{text(file.path)}</h2>"
        totals = file.totals
        if totals is None:
            yield '<p class="soft">recipe</p>'
        else:
            said = [str(totals.format or "unknown format"), number(totals.samples, "sample")]
            if totals.tokens is not None:
                said += [number(totals.tokens, "token"), f"{totals.trained_tokens:,} trained on"]
            yield f'<p class="soft">{text(" · ".join(said))}</p>'
            yield from _plots(file)
        shown, left = first_of_each(file.findings, self._limit)
        lines = MaskedLines(file)
        by_rule: dict[tuple[Severity, str], list[Finding]] = {}
        for finding in shown:
            by_rule.setdefault((finding.severity, finding.code), []).append(finding)
        if not by_rule:
            yield "<p>Nothing found.</p>"
        for (severity, code), findings in sorted(by_rule.items(), key=lambda item: (-item[0][0], item[0][1])):
            count = sum(finding.severity is severity and finding.code == code for finding in file.findings)
            yield f"<details{' open' if severity is Severity.ERROR else ''}>"
            yield (
                f'<summary><span class="{severity.label}">{severity.label}</span> <b>{text(code)}</b> '
                f"{text(findings[0].name)} · {count:,}</summary>"
            )
            yield f'<p class="about soft">{markdown(BY_CODE[code].summary)}</p>'
            yield from (_finding(file, lines, finding) for finding in findings)
            if left[code] and count > len(findings):
                more = f"and {count - len(findings):,} more (--max-findings 0 lists them all)"
                yield f'<p class="finding soft">{more}</p>'
            yield "</details>"


def _heading(tally: Tally) -> Iterator[str]:
    yield "<h1>Lintune report</h1>"
    yield f'<p class="soft">{text(number(tally.files, "file"))} checked</p>'
    yield '<div class="figures">'
    for severity in sorted(Severity, reverse=True):
        count = tally.severities[severity]
        yield f'<div><b class="{severity.label if count else "soft"}">{count:,}</b>{severity.label}s</div>'
    yield f"<div><b>{tally.samples:,}</b>samples</div>"
    if tally.tokens is not None:
        yield f"<div><b>{tally.tokens:,}</b>tokens</div>"
    if tally.quiet:
        yield f"<div><b>{tally.quiet:,}</b>in the baseline</div>"
    yield "</div>"
    if not tally.rules:
        return
    yield '<table><tr><th>severity</th><th>rule</th><th></th><th class="number">found</th><th>mended by</th></tr>'
    for (severity, code), rule in sorted(tally.rules.items(), key=lambda item: (-item[0][0], item[0][1])):
        way = "--fix" if rule.safe else "--fix --unsafe" if rule.unsafe else ""
        yield (
            f'<tr><td class="{severity.label}">{severity.label}</td>'
            f'<td class="rule"><b>{text(code)}</b><br>{text(rule.name)}</td>'
            f'<td class="soft small">{markdown(BY_CODE[code].summary)}</td><td class="number">{rule.count:,}</td>'
            f'<td class="way">{way}</td></tr>'
        )
    yield "</table>"


def _plots(file: Checked) -> Iterator[str]:
    if file.scan is None or file.scan.not_json_lines:
        return
    found = statistics.of(file.scan)
    recipe = file.scan.context.recipe
    groups = html_plots.clusters(file.findings, str(file.path))
    plots = [
        html_plots.lengths(found, recipe.sequence_len if recipe else None),
        html_plots.roles(found),
        html_plots.labels(found),
        html_plots.duplicates(groups),
    ]
    if any(plots):
        yield f'<div class="plots">{"".join(plots)}</div>'
    if groups:
        yield from _groups(groups, file)


def _groups(groups: Sequence[Sequence[Node]], file: Checked) -> Iterator[str]:
    yield "<details><summary>The largest groups of duplicates</summary>"
    for group in groups[:_GROUPS]:
        places = ", ".join(
            f"{line + 1:,}" if path == str(file.path) else f"{nearby(Path(path))}:{line + 1}"
            for path, line in group[:SHOWN]
        )
        more = f" and {len(group) - SHOWN:,} more" if len(group) > SHOWN else ""
        yield f'<p class="finding">{number(len(group), "sample")}: lines {text(places)}{more}</p>'
    yield "</details>"


def _finding(file: Checked, lines: MaskedLines, finding: Finding) -> str:
    start = finding.range.start
    place = "whole file" if finding.whole_file else f"{start.line + 1}:{start.column + 1}"
    parts = [f'<div class="finding"><p><span class="soft">{place}</span> {text(finding.message)}</p>']
    for related in finding.related:
        where = (
            f"line {related.line + 1}" if related.path == file.path else f"{nearby(related.path)}:{related.line + 1}"
        )
        parts.append(f'<p class="soft">see {text(where)}: {text(related.message)}</p>')
    if finding.fix:
        safe = "" if finding.fix.safe else " (may lose data)"
        parts.append(f'<p class="soft">fix: {text(finding.fix.title)}{safe}</p>')
    if not finding.whole_file:
        parts.append(f"<pre>{_excerpt(lines.text(start.line), finding)}</pre>")
    return "".join([*parts, "</div>"])


def _excerpt(line: str, finding: Finding) -> str:
    start = min(finding.range.start.column, len(line))
    end = finding.range.end.column if finding.range.end.line == finding.range.start.line else len(line)
    end = max(min(end, len(line)), start)
    first, last = max(start - _BEFORE, 0), min(end + _AFTER, len(line))
    inside = line[start:end]
    shown = text(inside)
    if len(inside) > _LONGEST:
        shown = f"{text(inside[: _LONGEST // 2])} … {text(inside[-_LONGEST // 2 :])}"
    before = f"{'…' if first else ''}{text(line[first:start])}"
    after = f"{text(line[end:last])}{'…' if last < len(line) else ''}"
    return f"{before}<mark>{shown}</mark>{after}"
