"""`lintune eval RUN`: what the tuned model does better than its base model, on samples that it was not trained on."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from lintune_schemas import atomic, evaluation_report
from lintune_schemas.errors import LintuneError
from lintune_server.cli import eval_text, finished_run, output
from lintune_server.cli.terminal import ASCII, Look, has_unicode
from lintune_server.evaluation import evaluating, page
from lintune_server.evaluation.evaluating import Options
from lintune_server.evaluation.metrics import BY_NAME
from lintune_server.training import records

if TYPE_CHECKING:
    from types import TracebackType

    from lintune_schemas.evaluation_report import Report

_PLAIN_LINES = 4
"""How often the progress of a model is told where there is no terminal to draw a bar in."""


class Bound(NamedTuple):
    """What a figure of the tuned model must reach, or not be above."""

    metric: str
    value: float

    @classmethod
    def read(cls, text: str) -> Bound:
        name, _, value = text.partition("=")
        if name not in BY_NAME:
            raise argparse.ArgumentTypeError(f"there is no metric {name or text}; there are {', '.join(BY_NAME)}")
        try:
            number = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
        except ValueError:
            number = float("nan")
        if number != number:  # no number
            raise argparse.ArgumentTypeError(f"give a number, as {name}=0.9, not {text}")
        return cls(name, number)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Ask a run's base model and its tuned model about every sample of its eval set, and compare: exact and "
        "normalized match, JSON, ROUGE-L, chrF, perplexity, with confidence intervals. Leaves evaluation.json and "
        "evaluation.html in the run's directory. Exit codes: 0 evaluated, 1 a figure is out of bounds, 2 it could not "
        "be evaluated."
    )
    finished_run.add_run(parser)
    what = parser.add_argument_group("what is compared")
    what.add_argument(
        "--model",
        metavar="NAME",
        help="which of the run's models: adapter (on the base model; the default), q4_k_m and so on, checkpoint:STEP",
    )
    what.add_argument("--data", type=Path, metavar="FILE", help="samples of this file instead of the run's eval set")
    some = what.add_mutually_exclusive_group()
    some.add_argument("--limit", type=_count, metavar="N", help="the first N samples only")
    some.add_argument("--samples", type=_count, metavar="N", help="N samples at random")
    what.add_argument("--seed", type=int, default=0, metavar="N", help="of --samples and of the bootstrap (default: 0)")
    how = parser.add_argument_group("how")
    how.add_argument("--schema", type=Path, metavar="FILE", help="a JSON Schema that answers must fit")
    how.add_argument(
        "--max-tokens", type=_count, metavar="N", help="the longest answer (default: twice its reference and 32 more)"
    )
    how.add_argument("--context", type=_context, metavar="TOKENS", help="room for prompt and answer together")
    result = parser.add_argument_group("result")
    result.add_argument("--json", action="store_true", help="print one object, by evaluation.schema.json")
    for option, words in (("--fail-under", "is below VALUE"), ("--fail-over", "is above VALUE")):
        result.add_argument(
            option,
            action="append",
            default=[],
            type=Bound.read,
            metavar="METRIC=VALUE",
            help=f"exit with 1 when the tuned model's figure {words}, as exact=90%% or perplexity=3 (may be repeated)",
        )


def run(args: argparse.Namespace) -> int:
    """Raises LintuneError when it cannot be evaluated, OSError when the report cannot be written."""
    record = records.read(finished_run.folder_of(args.run))
    options = Options(
        model=args.model,
        data=args.data,
        schema=args.schema,
        limit=args.limit,
        samples=args.samples,
        seed=args.seed,
        max_tokens=args.max_tokens,
        context=args.context,
    )
    try:
        with _Told(Console(stderr=True, highlight=False)) as told:
            report = asyncio.run(evaluating.evaluate(record, options, told.progress))
    except KeyboardInterrupt:
        print("Stopped. What was answered is kept: the same command goes on from there.", file=sys.stderr)
        return 130
    written = msgspec.json.format(msgspec.json.encode(report)) + b"\n"
    html = page.render(report)  # before anything is written
    atomic.write_bytes(record.folder / evaluation_report.FILE, written)
    atomic.write_text(record.folder / evaluation_report.PAGE, html)
    ascii_only = not has_unicode(sys.stdout)
    with output.opened(None) as out:
        if args.json:
            out.write(written.decode())
        else:
            for line in eval_text.page(report, record.folder / evaluation_report.PAGE, Look.of(out)):
                out.write(f"{line.translate(ASCII) if ascii_only else line}\n")
    problems = [
        *_out_of_bounds(report, args.fail_under, under=True),
        *_out_of_bounds(report, args.fail_over, under=False),
    ]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _out_of_bounds(report: Report, bounds: list[Bound], *, under: bool) -> list[str]:
    """A sentence for each bound that is not kept. Raises LintuneError for a metric that was not measured."""
    found = {figure.metric: figure.tuned.value for figure in report.figures}
    problems = []
    for bound in bounds:
        if bound.metric not in found:
            raise LintuneError(f"{bound.metric} was not measured. There are {', '.join(found)}.")
        value = found[bound.metric]
        if value < bound.value if under else value > bound.value:
            side = "below" if under else "above"
            problems.append(f"{bound.metric} of the tuned model is {value:.6g}, {side} {bound.value:.6g}.")
    return problems


class _Told:
    """Progress on standard error: a bar, or some lines where there is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None
        if console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=console, transient=True)
            self._task = self._bar.add_task("reading the samples", total=None)

    def __enter__(self) -> _Told:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def progress(self, model: str, done: int, total: int) -> None:
        if self._bar:
            if done == 0:
                self._bar.reset(self._task, total=total, description=f"asking the {model} model")
            self._bar.update(self._task, completed=done)
        elif done in {total * part // _PLAIN_LINES for part in range(_PLAIN_LINES + 1)}:
            self._console.print(f"the {model} model: {done:,} of {total:,} samples", markup=False, soft_wrap=True)


def _count(argument: str) -> int:
    if not argument.isdecimal() or int(argument) < 1:
        raise argparse.ArgumentTypeError(f"give a number of at least 1, not {argument}")
    return int(argument)


def _context(argument: str) -> int:
    """What the sidecar takes."""
    if not argument.isdecimal() or not 64 <= int(argument) <= 1 << 20:
        raise argparse.ArgumentTypeError(f"give a number between 64 and {1 << 20}, not {argument}")
    return int(argument)
