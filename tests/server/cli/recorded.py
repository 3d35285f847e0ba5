"""Run directories as a trainer leaves them, with lock files and copies of their data, and what is said of them."""

from __future__ import annotations

import hashlib
import json
import math
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml
from jsonschema import Draft202012Validator

from lintune_schemas import datasets, events, runs
from lintune_schemas import recipe as recipes
from lintune_schemas.events import (
    ArtefactKind,
    ArtefactWritten,
    CheckpointSaved,
    Evaluation,
    EvaluationKind,
    Event,
    Progress,
    RunFinished,
    RunStarted,
)

if TYPE_CHECKING:
    from pathlib import Path

    from .command import Command

SCHEMAS = files("lintune_schemas").joinpath("json")
REPORT = Draft202012Validator(json.loads(SCHEMAS.joinpath("runs-report.schema.json").read_text()))
OLD, NEW = "20261125T094724Z-b29664ca", "20261125T101941Z-a3f93b22"
NO_PID = 2**22 + 1
"""Above the largest process id of Linux."""
RECIPE = {
    "base_model": "smollm2-135m-instruct",
    "adapter": "lora",
    "datasets": [{"path": "train.jsonl"}],
    "test_datasets": [{"path": "eval.jsonl"}],
    "num_epochs": 2,
}
BEGIN = datetime(2026, 11, 25, 9, 47, 24, tzinfo=UTC)


def sample(number: int, answer: str = "on") -> dict[str, str]:
    return {
        "prompt": f"Turn lamp number {number} of the long corridor {answer}, please.",
        "completion": f"Lamp {answer}.",
    }


def data(path: Path, samples: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(one) + "\n" for one in samples), encoding="utf-8")


def time(seconds: float) -> str:
    return (BEGIN + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def started(name: str, **more: object) -> RunStarted:
    values = {
        "run": name,
        "time": time(0),
        "recipe": "recipe.yaml",
        "run_dir": f".lintune/runs/{name}",
        "pid": NO_PID,
        "base_model": "smollm2-135m-instruct",
        "samples": 20,
        "eval_samples": 4,
        "trained_tokens": 120,
        "total_steps": 40,
        "device": "CPU, 2 threads",
    }
    return RunStarted(**{**values, **more})  # type: ignore[arg-type]


def step(name: str, number: int, loss: float) -> Progress:
    return Progress(
        run=name,
        time=time(number),
        step=number,
        total_steps=40,
        epoch=number / 20,
        loss=loss,
        learning_rate=1e-4,
        tokens_per_second=250.0,
        eta_seconds=1.0,
        memory_bytes=1 << 30,
    )


def evaluation(name: str, kind: EvaluationKind, number: int, loss: float, exact: float | None = None) -> Evaluation:
    return Evaluation(
        run=name,
        time=time(number),
        kind=kind,
        step=number,
        eval_loss=loss,
        perplexity=math.exp(loss),
        token_accuracy=exact,
        exact_match=exact,
    )


def whole(name: str, floor: float = 0.5, **more: object) -> list[Event]:
    """The events of a run that finished. floor: where its losses go to."""
    found: list[Event] = [started(name, **more), evaluation(name, EvaluationKind.BASELINE, 0, 3.0, 0.0)]
    for number in range(1, 41):
        found.append(step(name, number, floor + 2.5 / number))
        if number == 20:
            found.append(evaluation(name, EvaluationKind.CHECKPOINT, 20, floor + 0.1, 0.5))
            found.append(CheckpointSaved(run=name, time=time(20), step=20, path="checkpoints/checkpoint-20", best=True))
    found.append(ArtefactWritten(run=name, time=time(41), kind=ArtefactKind.ADAPTER, path="adapter", bytes=4096))
    found.append(evaluation(name, EvaluationKind.FINAL, 40, floor + 0.2, 0.75))
    found.append(
        RunFinished(
            run=name, time=time(42), seconds=42.5, eval_loss_before=3.0, eval_loss_after=floor + 0.2, model=None
        )
    )
    return found


def record(folder: Path, name: str, written: list[Event], *, snapshots: bool = True, **values: object) -> Path:
    """Write a run beside the data as it is now. values: of the recipe, besides the usual ones."""
    run = runs.runs_folder(folder) / name
    run.mkdir(parents=True)
    recipe = recipes.from_mapping({**RECIPE, **values}, "recipe.yaml")
    (run / runs.RECIPE_LOCK).write_text(yaml.safe_dump(recipes.to_mapping(recipe), sort_keys=False), encoding="utf-8")
    read = [[datasets.read(folder / one.path, one) for one in part] for part in (recipe.datasets, recipe.test_datasets)]
    lock = runs.lock_datasets(recipe, folder / "recipe.yaml", *read)
    runs.write_dataset_lock(run, lock)
    for file in (*read[0], *read[1]) if snapshots else ():
        copies = runs.snapshots_folder(folder)
        copies.mkdir(exist_ok=True)
        content = file.path.read_bytes()
        (copies / f"{hashlib.sha256(content).hexdigest()}.jsonl").write_bytes(content)
    (run / runs.EVENTS).write_bytes(b"".join(events.encode(event) + b"\n" for event in written))
    return run


def report(run: Command, *words: str) -> dict[str, Any]:
    """What `lintune runs` says as JSON, which is as its schema has it."""
    found: dict[str, Any] = json.loads(run("runs", *words, "--json").out)
    REPORT.validate(found)
    return found
