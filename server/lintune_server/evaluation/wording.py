"""Figures of a report in words, for the terminal and for its page."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from lintune_schemas.run_evaluation import Mark

if TYPE_CHECKING:
    from lintune_schemas.evaluation_report import Figure, Interval, Report


def headline(report: Report) -> str:
    """What came of it, in a sentence."""
    marks = report.marks
    judged = sum(marks.values())
    if not judged:
        return f"The perplexity of both models on {_samples(len(report.each))}."
    tuned, base = marks[Mark.FIXED] + marks[Mark.STILL_RIGHT], marks[Mark.BROKEN] + marks[Mark.STILL_RIGHT]
    return f"The tuned model is right on {tuned:,} of {_samples(judged)}, the base model on {base:,}."


def base_name(report: Report) -> str:
    """The base model as its recipe names it; of a path, the last part."""
    name = report.base.name
    return PurePath(name).name if PurePath(name).is_absolute() else name


def value(figure: Figure, number: float) -> str:
    """`95%`, `87.4`, `12.3`: scores are shown out of 100, as papers do."""
    if figure.unit in ("share", "score"):
        return f"{_short(100 * number)}{'%' if figure.unit == 'share' else ''}"
    return _significant(number)


def interval(figure: Figure, one: Interval) -> str:
    """`95.0% [86.8, 99.4]`."""
    return f"{value(figure, one.value)} [{_end(figure, one.low)}, {_end(figure, one.high)}]"


def difference(figure: Figure) -> str:
    """Of tuned - base; of shares in percentage points: `+95.0 [+86.8, +99.4]`."""
    change = figure.difference
    ends = [change.value, change.low, change.high]
    shown, low, high = (f"{'+' if float(text) > 0 else ''}{text}" for text in (_end(figure, end) for end in ends))
    return f"{shown} [{low}, {high}]"


def _end(figure: Figure, number: float) -> str:
    return value(figure, number).rstrip("%")


def _short(number: float) -> str:
    """With one decimal, unless that is 0, and without a sign in front of nothing."""
    text = f"{number:.1f}"
    return "0" if float(text) == 0 else text.removesuffix(".0")


def _significant(number: float) -> str:
    if abs(number) >= 10_000:
        return f"{number:.0e}".replace("e+0", "e").replace("e+", "e")
    decimals = 0 if abs(number) >= 100 else 1 if abs(number) >= 10 else 2
    return f"{number:.{decimals}f}"


def _samples(count: int) -> str:
    return f"{count:,} sample{'' if count == 1 else 's'}"
