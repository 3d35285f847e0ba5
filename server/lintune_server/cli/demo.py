"""`lintune demo`: the whole loop on the built-in model: check, fix, train, export, serve, ask."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lintune_schemas import base_model, events
from lintune_schemas.errors import LintuneError
from lintune_schemas.events import StageState
from lintune_schemas.runs import read_events
from lintune_server.cli import example, train
from lintune_server.lint import checking
from lintune_server.lint.context import context_for
from lintune_server.lint.dataset import DatasetLinter
from lintune_server.sidecar.supervisor import Sidecar, require_serve_extra
from lintune_server.training.supervisor import Phase, require_train_extra

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from lintune_schemas.events import Stage

_EXPORT_STAGES = (events.Stage.EXPORT, events.Stage.VERIFY)


@dataclass(frozen=True, slots=True)
class _Question:
    text: str
    """What the user says."""
    prompt: str
    """The same, rendered by the chat template."""
    reference: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Check a broken data set, train the built-in 135M model on a good one, export it to GGUF, and ask it "
        "40 held-out questions before and after. Works in a temporary copy of the example; takes a few minutes."
    )
    parser.add_argument("--json", action="store_true", help="end with one line of JSON: the figures")


def run(args: argparse.Namespace) -> int:
    """Raises LintuneError when something is not installed."""
    require_train_extra()
    require_serve_extra()
    base = base_model.find(base_model.DEMO_MODEL, Path()).path
    assert base is not None
    with tempfile.TemporaryDirectory(prefix="lintune-demo-") as name:
        workspace = Path(name, example.NAME)
        shutil.copytree(example.folder(), workspace, ignore=shutil.ignore_patterns(".lintune"))
        return asyncio.run(_Demo(workspace, base).run(as_json=args.json))


class _Demo:
    def __init__(self, workspace: Path, base: Path) -> None:
        self.workspace = workspace
        self.base = base
        self.console = Console(highlight=False)
        self.seconds: dict[str, float] = {}

    async def run(self, *, as_json: bool) -> int:
        self.title("1  Check a broken data set, and mend what can be mended")
        with self.timed("check"):
            self.command("check", "broken.jsonl", "--output-format", "concise")
            self.command("check", "broken.jsonl", "--fix", "--output-format", "concise")

        questions = list(_questions(self.workspace / "data" / "eval.jsonl"))
        self.title(f"2  Ask the base model {len(questions)} held-out questions")
        with self.timed("baseline"):
            base_answers = await self.answers(self.base, questions)
        self.console.print(f"{_exact(base_answers, questions)} of {len(questions)} exactly right.")

        self.title("3  Train, merge, export to GGUF and prove the export")
        self.console.print("$ lintune train recipe.yaml", style="bold")
        with self.timed("run"):
            outcome = await train.train(self.workspace / "recipe.yaml", [])
        self.console.print(outcome.message)
        if outcome.phase is not Phase.FINISHED or outcome.run is None or outcome.finished is None:
            return train.EXIT_CODES[outcome.phase] or 1
        if outcome.finished.model is None:
            raise LintuneError("The exported model does not equal the trained one: the lines above say where.")
        self.split_run(outcome.run)

        self.title(f"4  Serve the tuned model, and ask it the same {len(questions)} questions")
        with self.timed("serve"):
            tuned_answers = await self.answers(outcome.run / outcome.finished.model, questions)
        self.console.print(_table(questions, base_answers, tuned_answers))

        base_exact, tuned_exact = _exact(base_answers, questions), _exact(tuned_answers, questions)
        self.summary(base_exact, tuned_exact, len(questions))
        if as_json:
            seconds = {name: round(value, 1) for name, value in self.seconds.items()}
            figures = {
                "base_exact": base_exact,
                "tuned_exact": tuned_exact,
                "total": len(questions),
                "seconds": seconds,
            }
            print(json.dumps(figures))
        return 0

    def title(self, text: str) -> None:
        self.console.print(f"\n[bold cyan]{text}[/]")

    def command(self, *words: str) -> None:
        """Run a lintune command in the workspace, as a person would."""
        self.console.print(f"$ lintune {' '.join(words)}", style="bold")
        sys.stdout.flush()
        subprocess.run([sys.executable, "-P", "-m", "lintune_server", *words], cwd=self.workspace, check=False)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self.seconds[stage] = time.perf_counter() - begin

    async def answers(self, model: Path, questions: Sequence[_Question]) -> list[str]:
        """What a model says, greedily, as the editor's preview asks it."""
        context = context_for(self.workspace / "data" / "eval.jsonl")
        assert context.recipe is not None
        assert context.tokenizer is not None
        longest, stop = context.recipe.lintune.preview.max_tokens, tuple(context.tokenizer.end_tokens)
        async with Sidecar({"model": model}) as sidecar:
            client = await sidecar.client()
            return [
                (await client.complete(question.prompt, max_tokens=longest, stop=stop)).text for question in questions
            ]

    def split_run(self, run: Path) -> None:
        """From the whole run's time to that of its training and of its export."""
        by_stage: dict[Stage, float] = {
            event.stage: event.seconds or 0
            for event in read_events(run)
            if isinstance(event, events.StageChanged) and event.state is StageState.FINISHED
        }
        export = sum(by_stage.get(stage, 0) for stage in _EXPORT_STAGES)
        whole = self.seconds.pop("run")
        self.seconds |= {"train": whole - export, "export": export}

    def summary(self, base: int, tuned: int, total: int) -> None:
        self.title("Exactly right")
        self.console.print(f"base model   {base:>3} of {total}\ntuned model  {tuned:>3} of {total}")
        self.title("Time")
        for name, value in self.seconds.items():
            self.console.print(f"{name:<9} {value:6.1f} s")
        self.console.print(f"{'total':<9} {sum(self.seconds.values()):6.1f} s")


def _questions(path: Path) -> Iterator[_Question]:
    context = context_for(path)
    if context.tokenizer is None:
        raise LintuneError(context.problem or "The base model's tokenizer is not known.")
    linter = DatasetLinter(path, context)
    for line in checking.read(path).splitlines():
        sample = linter.inspect(line)
        assert sample is not None, "the example is sound"
        *_, question, answer = sample.conversation.turns
        prompt = context.tokenizer.prompt(sample.conversation.upto(len(sample.conversation.turns) - 1))
        yield _Question(question.content, prompt, answer.content)


def _exact(answers: Sequence[str], questions: Sequence[_Question]) -> int:
    return sum(_same(answer, question) for answer, question in zip(answers, questions, strict=True))


def _same(answer: str, question: _Question) -> bool:
    return answer.strip() == question.reference.strip()


def _table(questions: Sequence[_Question], base: Sequence[str], tuned: Sequence[str]) -> Table:
    table = Table(show_lines=False, header_style="bold", pad_edge=False, expand=True)
    for name, ratio in (("prompt", 5), ("reference", 5), ("base", 4), ("tuned", 4)):
        table.add_column(name, ratio=ratio, overflow="fold")
    for question, before, after in zip(questions, base, tuned, strict=True):
        table.add_row(question.text, question.reference, _cell(before, question), _cell(after, question))
    return table


def _cell(answer: str, question: _Question) -> Text:
    if _same(answer, question):
        return Text("✓ the same", style="green")
    shown = " ".join(answer.split())
    return Text(f"✗ {shown[:44]}{'…' if len(shown) > 44 else ''}", style="red")
