"""`lintune runs` for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.cli.terminal import BOLD, DIM, cells, clean, cut, nearby, number, wrap
from lintune_server.hardware.words import taken
from lintune_server.training import records
from lintune_server.training.narration import duration, loss, share
from lintune_server.training.runs import RunState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lintune_server.cli.terminal import Look
    from lintune_server.training.records import Record

COLOURS = {
    RunState.RUNNING: "36;1",
    RunState.FINISHED: "32",
    RunState.FAILED: "31",
    RunState.DEAD: "31",
}
_NAME = 25
"""Columns of a run's name: a time and eight letters."""
_HEAD = f"{'run':<{_NAME}} {'state':<9}{'took':>8}{'steps':>6}{'base':>6}{'best':>6}{'final':>6}{'exact':>6}{'size':>7}"


def page(found: Sequence[Record], place: Path | None, look: Look) -> Iterator[str]:
    """A run has a line of figures, and below it what does not fit there. place: whose they are, as it was given."""
    if not found:
        where = place if place is not None else records.folder_of(None)
        yield f"There are no runs in {clean(str(nearby(where)))}. Train one with: lintune train recipe.yaml"
        return
    yield look.paint(f"{'evaluation loss':>66}", DIM)
    yield look.paint(_HEAD, BOLD)
    for record in found:
        yield from _run(record, look)


def state(record: Record, look: Look, width: int = 0) -> str:
    return look.paint(f"{record.state.value:<{width}}", COLOURS.get(record.state, ""))


def began(record: Record) -> str:
    """In the time of where one is."""
    return f"{record.began.astimezone():%Y-%m-%d %H:%M}" if record.began else "at a time that is not known"


def _took(seconds: float) -> str:
    """In seven columns: `3:07`, `1:02:03`, `11h 02m`, `123h`."""
    hours, minutes = divmod(round(seconds / 60), 60)
    if hours < 10:
        return duration(seconds)
    return f"{hours}h {minutes:02}m" if hours < 100 else f"{hours}h"


def _run(record: Record, look: Look) -> Iterator[str]:
    found, started = record.history, record.history.started
    steps = f"{found.step}" if found.step < 100_000 else f"{found.step // 1000}k"
    total = started.total_steps if started else found.step
    if found.step < total and len(f"{steps}/{total}") < 6:
        steps += f"/{total}"
    name = clean(record.name)
    if len(name) > _NAME:
        yield name
        name = ""
    base, best, final = found.baseline, found.best, found.final
    yield (
        f"{name:<{_NAME}} {state(record, look, 9)}{_took(found.seconds):>8}{steps:>6}"
        f"{loss(base.eval_loss if base else None):>6}{loss(best.eval_loss if best else None):>6}"
        f"{loss(final.eval_loss if final else None):>6}{share(final.exact_match if final else None):>6}"
        f"{taken(record.size):>7}"
    )
    parts = [began(record)]
    if started:
        parts += [started.base_model, number(started.samples, "sample")]
        if started.warm_start:
            parts.append(f"warm start from {started.warm_start.run}")
    if record.model:
        parts.append(record.model.name)
    yield from (look.paint(line, DIM) for line in wrap(" · ".join(parts), look.width, "  "))
    for words in (record.problem, record.damage):
        if words:
            line = f"  {clean(words)}"
            yield look.paint(line if cells(line) <= look.width else f"{cut(line, look.width - 1)}…", DIM)
