"""Axolotl: it trains by the same recipe, in processes of its own, and we read along.

What is relied upon, of its documentation and of Axolotl 0.13 and later: `accelerate launch -m axolotl.cli.train FILE`;
transformers' Trainer underneath, whose figures and progress bar it prints; the adapter in `output_dir`, checkpoints in
`output_dir/checkpoint-<step>`; the keys `resume_from_checkpoint` and `lora_model_dir`.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lintune_schemas import atomic, events
from lintune_schemas import recipe as recipes
from lintune_schemas.errors import LintuneError
from lintune_schemas.events import EvaluationKind
from lintune_trainer import engines, failures, process
from lintune_trainer.engines import axolotl_recipe, child
from lintune_trainer.engines.axolotl_output import Bar, Log, Reader, error_in, said_in
from lintune_trainer.run import LOG

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_schemas.events import Evaluation
    from lintune_trainer.job import Job

_INSTALL = (
    "Axolotl, which is not installed here. Install it with: pip install -U packaging setuptools wheel ninja && "
    "pip install --no-build-isolation 'axolotl[deepspeed]'."
)
_ADAPTER = ("adapter_config.json", "adapter_model.safetensors")
_REMEMBERED = 400
"""Lines of its output to find an error in."""


@dataclass(frozen=True, slots=True)
class Axolotl:
    """`axolotl.cli.train` under `accelerate launch`."""

    processes: int
    recipe_path: Path
    spread: str | None = None
    """The key of the recipe because of which it is Axolotl that trains, if lintune.backend does not say so."""
    backend: ClassVar[str] = "axolotl"

    def require_ready(self) -> None:
        """See `Engine`."""
        if not engines.installed("axolotl"):
            if self.spread is None:
                raise LintuneError(f"lintune.backend: axolotl needs {_INSTALL} Or set lintune.backend: builtin.")
            raise LintuneError(
                f"{self.spread} spreads the model over {self.processes} devices, which takes {_INSTALL} Or take "
                f"{self.spread} out, to train with a copy of the model on each device."
            )
        if self.recipe_path.is_file() and axolotl_recipe.runs_code(recipes.parse(self.recipe_path)):
            raise LintuneError(
                "trust_remote_code: true would run code that comes with a model or a data set, and nothing does that "
                "here. Take it out; or start Axolotl yourself, if you trust that code."
            )

    def fine_tune(self, job: Job) -> list[Evaluation]:
        """See `Engine`. Asked to pause, it stops at once: Axolotl writes no checkpoint when it is told to."""
        job.model.release()  # Axolotl needs the room
        recipe = axolotl_recipe.write(job)
        reading = _Reading(job)
        last = deque[str](maxlen=_REMEMBERED)
        folder = job.recipe_path.parent
        with child.started(command(self.processes, recipe), _environment(), folder, errors=True) as training:
            for raw in training.lines():
                line = raw.decode(errors="replace")
                if said := said_in(line).rstrip():
                    os.write(1, f"{said}\n".encode())  # descriptor 1 is the run's log
                    last.append(said)
                reading.take(line)
                process.raise_if_paused()
            code = training.end()
        process.raise_if_stopped()
        if code != 0:
            raise LintuneError(_explained(error_in(list(last)), job.run.folder / LOG))
        reading.finish()
        _take_adapter(job)
        return reading.evaluations


def command(processes: int, recipe: Path) -> list[str]:
    """The launcher's command line, as Axolotl's documentation has it."""
    several = ["--multi_gpu"] if processes > 1 else []
    return [
        *(sys.executable, "-m", "accelerate.commands.launch"),
        *(*several, "--num_processes", str(processes), "--num_machines", "1", "--main_process_port", "0"),
        *("-m", "axolotl.cli.train", str(recipe)),
    ]


def _environment() -> dict[str, str]:
    # Unbuffered: its figures (standard output) and its progress bar (standard error) come in their order.
    return {
        "AXOLOTL_DO_NOT_TRACK": "1",
        **process.environment_with_all_gpus(),
        "PYTHONUNBUFFERED": "1",
    }


class _Reading:
    """Turns what Axolotl prints and writes into events."""

    def __init__(self, job: Job) -> None:
        from lintune_trainer import checkpoints

        self.evaluations: list[Evaluation] = []
        self._job = job
        self._reader = Reader()
        self._start = time.perf_counter()
        self._tokens = sum(len(sample.ids) for sample in job.train)
        """In one epoch."""
        self._begun = checkpoints.step_of(job.checkpoint) if job.checkpoint else 0
        self._bar = Bar(self._begun, job.plan.total_steps)
        self._waiting: list[Log] = []
        """Figures whose step is not known yet: the bar is drawn again after each line, with the step that it was."""
        self._losses: dict[int, float] = {}
        """Of evaluations, by step."""
        self._published = self._begun
        """The step of the newest checkpoint that is among the run's."""

    def take(self, line: str) -> None:
        """The next line that it printed."""
        match self._reader.read(line):
            case Log() as log:
                self._waiting.append(log)
            case Bar() as bar:
                self._bar = bar
                self._report()
                self._publish(before=bar.step)

    def finish(self) -> None:
        """It ended well."""
        self._report()
        self._publish(before=self._bar.total + 1)

    def _report(self) -> None:
        for log in self._waiting:
            if "loss" in log.figures:
                self._progress(log.figures)
            elif self._bar.step > self._begun:  # before the first step, it is the base model's, which the run has
                self._evaluation(log.figures["eval_loss"])
        self._waiting.clear()

    def _progress(self, figures: dict[str, float]) -> None:
        step, epoch = self._bar.step, figures.get("epoch", 0.0)
        done = max(step - self._begun, 1)
        seconds = max(time.perf_counter() - self._start, 1e-3)
        memory = figures.get("memory/max_allocated (GiB)")
        self._job.run.emit(
            events.Progress(
                run=self._job.run.name,
                step=step,
                total_steps=self._bar.total,
                epoch=epoch,
                loss=figures["loss"],
                learning_rate=figures.get("learning_rate", 0.0),
                tokens_per_second=round(epoch * self._tokens * done / max(step, 1) / seconds, 1),
                eta_seconds=round(seconds / done * (self._bar.total - step), 1),
                grad_norm=figures.get("grad_norm"),
                memory_bytes=None if memory is None else round(memory * 2**30),
            )
        )

    def _evaluation(self, loss: float) -> None:
        from lintune_trainer import evaluation, training

        step = self._bar.step
        self._losses[step] = loss
        figures = {"eval_loss": loss, "perplexity": evaluation.perplexity_of(loss)}
        self.evaluations.append(training.evaluated(self._job.run, EvaluationKind.CHECKPOINT, step, figures))

    def _publish(self, before: int) -> None:
        """Give checkpoints of earlier steps their place among the run's: with a later step, they are written whole."""
        from lintune_trainer import checkpoints, training

        run = self._job.run
        for written in checkpoints.found(run.folder / axolotl_recipe.OUTPUT):
            step = checkpoints.step_of(written)
            if not self._published < step < before:
                continue
            folder = checkpoints.of_step(checkpoints.folder_of(run.folder), step)
            training.publish_adapter(self._job, step, written)
            with atomic.new_folder(folder) as partial:
                shutil.copytree(written, partial, copy_function=_link, dirs_exist_ok=True)
                checkpoints.seal(partial, self._losses.get(step))
            self._published = step
            run.saved(folder)
            budget = self._job.recipe.lintune.checkpoints_gb * 1e9
            checkpoints.prune(run.folder, self._job.plan.checkpoints_kept, budget)


def _link(source: str, target: str) -> None:
    """The same file under a second name, where the disk can do that: Axolotl deletes its own when it has enough."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _take_adapter(job: Job) -> None:
    from lintune_trainer import export

    output = job.run.folder / axolotl_recipe.OUTPUT
    if missing := [name for name in _ADAPTER if not (output / name).is_file()]:
        raise LintuneError(
            f"Axolotl ended well, but left no {missing[0]} in {output}. Set adapter: lora or qlora; only adapters can "
            "be merged and exported here."
        )
    with atomic.new_folder(export.adapter_folder(job.run.folder)) as partial:
        for name in _ADAPTER:
            shutil.copyfile(output / name, partial / name)


def _explained(said: str, log: Path) -> str:
    return failures.shortage(RuntimeError(said)) or f"Axolotl ended with an error: {said}. {log} has all that it said."
