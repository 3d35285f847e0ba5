"""A run in Markdown, for a tooltip: what it was, what came of it, what is left of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lintune_schemas.run_evaluation import Mark
from lintune_server.hardware.words import size, taken
from lintune_server.language_server import run_figures
from lintune_server.training.narration import EVALUATIONS, duration
from lintune_server.training.runs import RunState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.events import Evaluation
    from lintune_server.training.run_list import Listed

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+!|~&-])")
_MOST_EVALUATIONS = 6
_MOST_WARNINGS = 3


def page(listed: Listed) -> str:
    """Blocks of Markdown without links and pictures."""
    return "\n\n".join(block for block in _blocks(listed) if block)


def plain(text: str) -> str:
    """A text of a run as Markdown that shows it as it is, in one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _blocks(listed: Listed) -> Iterator[str]:
    record, found = listed.record, listed.record.history
    state = "running" if record.state is RunState.RUNNING else run_figures.line(listed)
    if record.state is RunState.FINISHED:
        state = f"finished in {duration(found.seconds)}"
    yield f"**{plain(record.name)}** · {state}"
    for words in (record.problem, record.damage):
        if words:
            yield plain(words)
    yield "  \n".join(_about(listed))
    yield _evaluations(listed)
    yield "\n".join(_asked(listed))
    for made in found.warnings[:_MOST_WARNINGS]:
        yield f"⚠ {plain(made.message)}"
    if len(found.warnings) > _MOST_WARNINGS:
        yield f"and {len(found.warnings) - _MOST_WARNINGS:,} more warnings"


def _about(listed: Listed) -> Iterator[str]:
    found, started = listed.record.history, listed.record.history.started
    if started:
        engine = "" if started.backend == "builtin" else f", by {plain(started.backend)}"
        yield f"{plain(started.base_model)} on {plain(started.device)}{engine}"
        evaluated = f", {started.eval_samples:,} to evaluate with" if started.eval_samples else ""
        yield f"{started.samples:,} samples, {started.trained_tokens:,} learned tokens{evaluated}"
        if started.warm_start:
            yield f"Warm start from {plain(started.warm_start.run)}"
    if found.progress:
        last = found.progress[-1]
        memory = f", {size(last.memory_bytes)} of memory" if last.memory_bytes else ""
        speed = f", {last.tokens_per_second:,.0f} tokens a second"
        yield f"Step {last.step:,} of {last.total_steps:,}{speed}{memory}"
    if found.resumed:
        yield f"Resumed {'once' if found.resumed == 1 else f'{found.resumed:,} times'}"
    yield f"{taken(listed.bytes)} on disk"


def _evaluations(listed: Listed) -> str:
    made = listed.record.history.evaluations
    if not made:
        return ""
    best = listed.record.history.best
    shown = made if len(made) <= _MOST_EVALUATIONS else (made[0], *made[1 - _MOST_EVALUATIONS :])
    rows = ["| | step | eval loss | perplexity | exact |", "|:--|--:|--:|--:|--:|"]
    rows += (
        f"| {EVALUATIONS[each.kind]}{' ★' if each is best else ''} | {each.step:,} | {_figures(each)} |"
        for each in shown
    )
    return "\n".join(rows)


def _figures(made: Evaluation) -> str:
    perplexity = f"{made.perplexity:,.2f}" if made.perplexity < 1e6 else f"{made.perplexity:.1e}"
    exact = "" if made.exact_match is None else f"{made.exact_match:.0%}"
    return f"{made.eval_loss:.3f} | {perplexity} | {exact}"


def _asked(listed: Listed) -> Iterator[str]:
    report = listed.evaluation
    if report is None:
        return
    marks = ", ".join(f"{report.marks[mark]:,} {mark.value}" for mark in Mark if report.marks.get(mark))
    yield f"Of {len(report.each):,} answers: {marks}" if marks else ""
