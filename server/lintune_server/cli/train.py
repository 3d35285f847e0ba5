"""`lintune train RECIPE`: one run in the terminal, by the same supervisor as the editor's."""

from __future__ import annotations

import asyncio
import shlex
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from lintune_schemas import events
from lintune_schemas.events import Event, StageState
from lintune_server.training import narration, preflight, records
from lintune_server.training.supervisor import Outcome, Phase, TrainerProcess

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

EXIT_CODES = {
    Phase.FINISHED: 0,
    Phase.FAILED: 1,
    Phase.DIED: 1,
    Phase.REFUSED: 2,
    Phase.CANCELLED: 130,  # 128 + SIGINT, as shells have it
    Phase.PAUSED: 130,
}

_PLAIN_LINES = 10
"""How many lines of progress a run prints where there is no terminal to draw a bar in."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Train the model of a recipe. Exit codes: 0 trained, 1 the run failed, 2 it could not start."
    parser.add_argument("recipe", type=Path, metavar="RECIPE", help="path of the recipe, as recipe.yaml")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="assignments",
        metavar="KEY=VALUE",
        help="change a value of the recipe for this run, as --set max_steps=20 (may be repeated)",
    )
    parser.add_argument(
        "--resume",
        metavar="RUN",
        help="go on with a run that was stopped, paused or killed: latest, its name or how it begins, or its folder",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the run's events on standard output, one JSON object a line",
    )


def run(args: argparse.Namespace) -> int:
    """Raises LintuneError when the trainer cannot be started."""
    resume = None
    if args.resume is None:
        preflight.require_room(args.recipe, args.assignments)
    else:
        resume = records.find(args.resume, args.recipe).name
    outcome = asyncio.run(train(args.recipe, args.assignments, resume=resume, json=args.json))
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    if outcome.phase is not Phase.FINISHED:
        stopped = outcome.phase in (Phase.CANCELLED, Phase.PAUSED)
        console.print(outcome.message, style=None if stopped else "red", markup=False)
        if outcome.run and (stopped or outcome.phase is Phase.DIED):
            console.print(f"Go on with it: {_resuming(args.recipe)}", markup=False)
    elif not args.json:
        print(outcome.message)
        if outcome.finished and outcome.finished.model and outcome.run:
            print(f"Model: {outcome.run / outcome.finished.model}")
    return EXIT_CODES[outcome.phase]


def _resuming(recipe: Path) -> str:
    return shlex.join(["lintune", "train", str(recipe), "--resume", "latest"])


async def train(recipe: Path, assignments: list[str], *, resume: str | None = None, json: bool = False) -> Outcome:
    """Run the trainer, showing its progress on standard error. Ctrl-C stops it in order, twice at once."""
    console = Console(stderr=True, highlight=False)
    view = _Bar(console) if console.is_terminal else _Lines(console)

    def on_event(event: Event) -> None:
        if json:
            sys.stdout.write(events.encode(event).decode() + "\n")
            sys.stdout.flush()
        view.show(event)

    with ExitStack() as stack:
        stack.enter_context(view)
        process = TrainerProcess(recipe.resolve(), assignments, resume=resume, on_event=on_event, on_log=view.log)
        _stop_on_signals(process, view.log)
        return await process.wait()


def _stop_on_signals(process: TrainerProcess, say: Callable[[str], None]) -> None:
    def stop() -> None:
        if process.phase is Phase.STOPPING:
            process.cancel(grace_seconds=0)
        else:
            process.cancel()
            say("stopping … (Ctrl-C again to stop at once)")

    if sys.platform != "win32":  # there, Ctrl-C cancels asyncio.run, and the supervisor kills the trainer
        for signal_ in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(signal_, stop)


class _Bar:
    """A progress bar, with what the trainer logs above it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[words]}"),
            console=console,
        )
        self._task = self._progress.add_task("starting", total=None, words="")

    def __enter__(self) -> None:
        self._progress.start()

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def log(self, line: str) -> None:
        self._console.print(line, style="dim", markup=False)

    def show(self, event: Event) -> None:
        match event:
            case events.StageChanged(state=StageState.STARTED):
                name = narration.STAGES[event.stage]
                self._progress.reset(self._task, total=None, description=name, words="")
            case events.Progress():
                self._progress.update(
                    self._task, completed=event.step, total=event.total_steps, words=narration.step(event)
                )
            case _:
                if line := narration.notable(event):
                    self._console.print(line, markup=False)


class _Lines:
    """Plain lines, for logs: the stages, and a tenth of the steps."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass

    def log(self, line: str) -> None:
        self._print(line)

    def show(self, event: Event) -> None:
        match event:
            case events.StageChanged(state=StageState.STARTED):
                self._print(f"{narration.STAGES[event.stage]} …")
            case events.Progress():
                every = max(event.total_steps // _PLAIN_LINES, 1)
                if event.step % every == 0 or event.step == event.total_steps:
                    self._print(narration.step(event))
            case _:
                if line := narration.notable(event):
                    self._print(line)

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, soft_wrap=True)
