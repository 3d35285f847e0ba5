"""The built-in trainer on several devices: `accelerate launch` starts one process for each."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import msgspec

from lintune_schemas import events
from lintune_schemas.errors import LintuneError
from lintune_trainer import process
from lintune_trainer.engines import child
from lintune_trainer.places import SamplesError
from lintune_trainer.run import LOG

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lintune_schemas.events import Evaluation
    from lintune_schemas.recipe import Recipe
    from lintune_trainer.job import Job

WORKER = "lintune_trainer.engines.worker"


@dataclass(frozen=True, slots=True)
class Launched:
    """Several workers, each with its own copy of the model, on its own micro-batches."""

    processes: int
    recipe: Recipe
    backend: ClassVar[str] = "builtin"

    def require_ready(self) -> None:
        """See `Engine`."""
        if self.recipe.rl:
            raise LintuneError(
                f"rl: {self.recipe.rl} trains on one device. Set lintune.processes: 1, or lintune.backend: axolotl."
            )

    def fine_tune(self, job: Job) -> list[Evaluation]:
        """See `Engine`."""
        from lintune_trainer import export
        from lintune_trainer.engines import handover

        job.model.release()  # the workers need the room
        evaluations = []
        paused = False
        with (
            handover.written(job) as folder,
            child.started(command(self.processes, folder), _environment(job.device.kind), folder) as workers,
        ):
            for line in workers.lines():
                event = _event(line)
                match event:
                    case None:
                        continue
                    case events.RunFailed():
                        raise SamplesError(event.message, event.samples)
                    case events.Evaluation():
                        evaluations.append(event)
                job.run.emit(event)
                if process.pausing() and not paused:
                    handover.ask_to_pause(folder)
                    paused = True
            code = workers.end()
        process.raise_if_stopped()
        if code != 0:
            raise LintuneError(
                f"The processes that trained ended with exit code {code}: {job.run.folder / LOG} says why."
            )
        if not export.adapter_folder(job.run.folder).is_dir():
            process.raise_if_paused()
        return evaluations


def command(processes: int, folder: Path) -> list[str]:
    """The launcher's command line for the job in `folder`."""
    return [
        *(sys.executable, "-m", "accelerate.commands.launch"),
        # Also without a GPU: this is its launcher of several processes; --cpu is one of several machines with MPI.
        "--multi_gpu",
        *("--num_processes", str(processes), "--num_machines", "1"),
        *("--mixed_precision", "no", "--dynamo_backend", "no"),  # the Trainer's own arguments say
        *("--main_process_port", "0"),  # any that is free
        *("-m", WORKER, str(folder)),
    ]


def _environment(device: str) -> Mapping[str, str]:
    if device == "cpu":
        return os.environ | {"ACCELERATE_USE_CPU": "true", "CUDA_VISIBLE_DEVICES": ""}
    return process.environment_with_all_gpus()


def _event(line: bytes) -> events.Event | None:
    """None for what the launcher itself says."""
    try:
        return events.decode(line)
    except msgspec.DecodeError:
        os.write(1, line + b"\n")  # descriptor 1 is the run's log
        return None
