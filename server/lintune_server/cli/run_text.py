"""`lintune runs show` for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.cli.chart import Series, draw
from lintune_server.cli.runs_text import began, state
from lintune_server.cli.terminal import BOLD, COLOURS, DIM, clean, number, wrap
from lintune_server.hardware.words import size, taken
from lintune_server.lint.findings import Severity
from lintune_server.training.narration import EVALUATIONS, duration, loss, share
from lintune_server.training.runs import RunState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.events import Evaluation
    from lintune_server.cli.terminal import Look
    from lintune_server.training.records import Record

_GREEN, _RED, _YELLOW, _BLUE = "32", "31", "33", "36"
_KEY = 12


def page(record: Record, look: Look, *, ascii_only: bool) -> Iterator[str]:
    yield f"{look.paint(clean(record.name), BOLD)}  {state(record, look)}"
    yield from _about(record, look)
    yield from _evaluations(record, look)
    yield from _warnings(record, look)
    yield from _files(record, look)
    yield from _loss(record, look, ascii_only=ascii_only)


def _about(record: Record, look: Look) -> Iterator[str]:
    found, started = record.history, record.history.started
    for words in (record.problem, record.damage):
        if words:
            yield from (look.paint(line, _RED) for line in wrap(words, look.width, "  "))
    resumed = f", resumed {'once' if found.resumed == 1 else f'{found.resumed} times'}" if found.resumed else ""
    yield from _row("recipe", record.recipe or "not known", look)
    yield from _row("began", f"{began(record)}, took {duration(found.seconds)}{resumed}", look)
    if started is None:
        return
    engine = "" if started.backend == "builtin" else f", by {started.backend}"
    yield from _row("model", f"{started.base_model}, on {started.device}{engine}", look)
    tokens = number(started.trained_tokens, "learned token")
    evaluated = f"; {number(started.eval_samples, 'sample')} to evaluate with" if started.eval_samples else ""
    yield from _row("data", f"{number(started.samples, 'sample')}, {tokens}{evaluated}", look)
    if warm := started.warm_start:
        words = f"{warm.run}, with {number(warm.new, 'new sample')} and {warm.replayed:,} that it had seen"
        yield from _row("warm start", f"from {words}", look)
    speed = f", {found.progress[-1].tokens_per_second:,.0f} tokens a second" if found.progress else ""
    memory = f", {size(found.memory_bytes)} of memory at the most" if found.memory_bytes else ""
    yield from _row("steps", f"{found.step:,} of {started.total_steps:,}{speed}{memory}", look)
    if record.state in (RunState.PAUSED, RunState.DEAD):
        yield from _row("go on with", f"lintune train {record.recipe} --resume {record.name}", look)


def _row(key: str, text: str, look: Look) -> Iterator[str]:
    for count, line in enumerate(wrap(text, look.width - _KEY - 3)):
        yield f"  {look.paint(f'{key if not count else str():<{_KEY}}', DIM)} {line}"


def _evaluations(record: Record, look: Look) -> Iterator[str]:
    found = record.history
    if not found.evaluations:
        return
    yield ""
    head = f"{'Evaluations':<13}{'step':>8}{'loss':>7}{'perplexity':>12}{'tokens':>8}{'exact':>7}{'training':>10}"
    yield look.paint(head, BOLD)
    for made in found.evaluations:
        best = look.paint("  ★ best", _GREEN) if made is found.best else ""
        yield f"  {EVALUATIONS[made.kind]:<11}{made.step:>8,}{_figures(made)}{best}"


def _figures(made: Evaluation) -> str:
    perplexity = f"{made.perplexity:,.2f}" if made.perplexity < 1e6 else f"{made.perplexity:.1e}"
    accuracy = f"{share(made.token_accuracy):>8}{share(made.exact_match):>7}"
    return f"{loss(made.eval_loss):>7}{perplexity:>12}{accuracy}{loss(made.train_loss):>10}"


def _warnings(record: Record, look: Look) -> Iterator[str]:
    if not record.history.warnings:
        return
    yield ""
    yield look.paint("Warnings", BOLD)
    for made in record.history.warnings:
        places = ", ".join(f"{place.path}:{place.line}" for place in made.samples[:5])
        more = f" and {len(made.samples) - 5:,} more" if len(made.samples) > 5 else ""
        text = f"{made.message} ({places}{more})" if places else made.message
        for count, line in enumerate(wrap(text, look.width, "    ")):
            yield line if count else f"  {look.paint('!', COLOURS[Severity.WARNING])} {line[4:]}"


def _files(record: Record, look: Look) -> Iterator[str]:
    found = record.history
    yield ""
    yield f"{look.paint('Files', BOLD)}  {taken(record.size)} in {clean(str(record.folder))}"
    for made in found.artefacts:
        there = "" if (record.folder / made.path).exists() else look.paint("  deleted since", DIM)
        yield f"  {clean(made.path):<28}{taken(made.bytes):>10}{there}"
    kept = [made for made in found.checkpoints if (record.folder / made.path).exists()]
    if kept:
        steps = ", ".join(f"{made.step:,}{' ★' if made.best else ''}" for made in kept)
        yield from wrap(f"checkpoints of the steps {steps}", look.width, "  ")
    if found.verified and found.verified.ok:
        yield f"  {look.paint('The export is proven to equal the trained model.', _GREEN)}"
    elif found.verified:
        failed = "; ".join(f"{check.name}: {check.detail}" for check in found.verified.checks if not check.ok)
        yield from (look.paint(line, _RED) for line in wrap(f"The export differs: {failed}", look.width, "  "))


def _loss(record: Record, look: Look, *, ascii_only: bool) -> Iterator[str]:
    curve = record.curve
    series, legend = [], []
    if curve.base is not None and curve.train:
        point = curve.train[0]._replace(loss=curve.base)
        series.append(Series([point], DIM, "-" if ascii_only else "┄", level=True))
        legend.append(f"{look.paint('┄', DIM)} base model")
    if curve.train:
        series.append(Series(curve.smoothed, _BLUE))
        legend.append(f"{look.paint('.' if ascii_only else '⠒', _BLUE)} training, smoothed")
    if curve.evaluation:
        series.append(Series(curve.evaluation, _YELLOW, "o" if ascii_only else "●"))
        legend.append(f"{look.paint('●', _YELLOW)} evaluation")
    lines = list(draw(series, look, ascii_only=ascii_only))
    if not lines:
        return
    yield ""
    yield f"{look.paint('Loss', BOLD)}  {'   '.join(legend)}"
    yield from lines
