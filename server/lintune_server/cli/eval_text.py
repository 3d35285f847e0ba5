"""`lintune eval` for people."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from lintune_schemas.run_evaluation import Mark
from lintune_server.cli.terminal import BOLD, DIM, cells, clean, nearby, number, wrap
from lintune_server.evaluation import metrics, wording

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lintune_schemas.evaluation_report import Figure, Report
    from lintune_server.cli.terminal import Look

_GREEN, _RED = "32;1", "31;1"
_NAME, _ONE, _CHANGE = 19, 18, 22
"""Columns of a metric's title, of a figure with its interval, and of a difference."""
_SIGNS = {"better": ("▲", _GREEN), "worse": ("▼", _RED)}
_SHOWN = 5
"""Samples that are named."""
_MARKS = {Mark.FIXED: _GREEN, Mark.BROKEN: _RED, Mark.STILL_WRONG: "33", Mark.STILL_RIGHT: ""}


def page(report: Report, html: Path, look: Look) -> Iterator[str]:
    """The figures, what they are about, and where the rest is."""
    settings = report.settings
    yield from wrap(f"{report.run} · {number(len(report.each), 'sample')} of {', '.join(settings.data)}", look.width)
    yield look.paint(clean(f"base   {wording.base_name(report)} ({PurePath(report.base.file).name})"), DIM)
    yield look.paint(clean(f"tuned  {report.tuned.name} ({report.tuned.file})"), DIM)
    yield ""
    yield look.paint(f"{'':<{_NAME}}{'base':>{_ONE}}{'tuned':>{_ONE}}{'difference':>{_CHANGE}}", BOLD)
    for figure in report.figures:
        yield _row(figure, look)
    for count, titles in _of_some(report).items():
        yield from (
            look.paint(line, DIM) for line in wrap(f"of {number(count, 'sample')}: {', '.join(titles)}", look.width)
        )
    yield ""
    yield look.paint("95% intervals; ▲ clearly better, ▼ clearly worse", DIM)
    yield ""
    yield wording.headline(report)
    if sum(report.marks.values()):
        yield " · ".join(look.paint(f"{mark} {report.marks[mark]:,}", _MARKS[mark]) for mark in Mark)
    yield from _named("Broken", [f"{one.path}:{one.line}" for one in report.each if one.mark is Mark.BROKEN], look)
    for reason, places in _by_reason(report).items():
        yield from _named(f"Left out, as {reason}", places, look)
    yield f"Report: {clean(str(nearby(html)))}"


def _row(figure: Figure, look: Look) -> str:
    sign, colour = _SIGNS.get(metrics.verdict(figure) or "", ("", ""))
    base, tuned = wording.interval(figure, figure.base), wording.interval(figure, figure.tuned)
    line = f"{figure.title:<{_NAME}}{base:>{_ONE}}{tuned:>{_ONE}}{wording.difference(figure):>{_CHANGE}}"
    return f"{line} {look.paint(sign, colour)}".rstrip()


def _of_some(report: Report) -> dict[int, list[str]]:
    """Metrics that are about fewer samples than all, by how many."""
    found: dict[int, list[str]] = {}
    for figure in report.figures:
        if figure.samples < len(report.each):
            found.setdefault(figure.samples, []).append(figure.title)
    return found


def _named(what: str, places: list[str], look: Look) -> Iterator[str]:
    """The first of many places."""
    if not places:
        return
    more = f" and {len(places) - _SHOWN:,} more" if len(places) > _SHOWN else ""
    line = f"{what}: {', '.join(places[:_SHOWN])}{more}"
    yield from wrap(line, look.width) if cells(line) > look.width else [clean(line)]


def _by_reason(report: Report) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in report.left_out:
        found.setdefault(one.reason, []).append(f"{one.path}:{one.line}")
    return found
