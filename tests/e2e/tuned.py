"""A run of the example as a training leaves it, in no time: its adapter is random, its evaluation made up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lintune_schemas import base_model, datasets, events, run_evaluation, runs
from lintune_schemas.events import RunFinished, RunStarted
from lintune_schemas.run_evaluation import RunEvaluation, SampleResult, SampleScore
from tests.server.sidecar.adapter_file import write_adapter

if TYPE_CHECKING:
    from pathlib import Path

RIGHT, WRONG = SampleScore(0.012, 20, 20, exact=True), SampleScore(3.14, 20, 11, exact=False)


def add_tuned_run(
    workspace: Path, name: str = "20260101T120000Z-aaaaaaaa", *, checkpoint: int | None = None, strength: float = 2.0
) -> Path:
    """A finished run of the workspace's recipe. checkpoint: the step of one that it kept.

    strength: by default enough for answers that are others than the base model's, and still made of words.
    """
    recipe = workspace / "recipe.yaml"
    folder = runs.runs_folder(workspace) / name
    folder.mkdir(parents=True)
    (folder / runs.RECIPE_LOCK).write_bytes(recipe.read_bytes())
    model = base_model.find(base_model.DEMO_MODEL, workspace).path
    assert model is not None
    adapter = write_adapter(folder / runs.ADAPTER_GGUF, model, strength=strength)
    if checkpoint is not None:
        kept = runs.checkpoint_adapter(folder, checkpoint)
        kept.parent.mkdir()
        kept.write_bytes(adapter.read_bytes())
    started = RunStarted(
        run=name,
        recipe=str(recipe),
        run_dir=str(folder),
        pid=1,
        base_model=base_model.DEMO_MODEL,
        samples=229,
        eval_samples=40,
        trained_tokens=4_000,
        total_steps=80,
        device="cpu",
    )
    finished = RunFinished(run=name, seconds=60, eval_loss_before=3.1, eval_loss_after=0.2, model=None)
    (folder / runs.EVENTS).write_bytes(b"".join(events.encode(event) + b"\n" for event in (started, finished)))
    return folder


def add_evaluation(run: Path, data: Path) -> None:
    """Fixed, broken, still wrong, still right, one after the other, to the last sample of an eval set."""
    scores = [(WRONG, RIGHT), (RIGHT, WRONG), (WRONG, WRONG), (RIGHT, RIGHT)]
    each = [
        SampleResult(f"data/{data.name}", sample.line, sample.digest.hex(), *scores[number % len(scores)])
        for number, sample in enumerate(datasets.read(data).samples)
    ]
    evaluation = RunEvaluation(len(each), 800, [], each)
    (run / run_evaluation.FILE).write_bytes(msgspec.json.encode(evaluation))
