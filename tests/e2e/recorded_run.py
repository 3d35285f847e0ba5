"""A run directory as a trainer writes it, event by event: what the editor shows of a training, without one."""

from __future__ import annotations

import math
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lintune_schemas import events, runs
from lintune_schemas.events import (
    ArtefactKind,
    ArtefactWritten,
    Check,
    CheckpointSaved,
    Evaluation,
    EvaluationKind,
    Event,
    Progress,
    RunFinished,
    RunStarted,
    SamplePlace,
    Stage,
    StageChanged,
    StageState,
    Verified,
    Warned,
    WarningTopic,
)

if TYPE_CHECKING:
    from pathlib import Path


class RecordedRun:
    """Writes the events of one run beside a recipe. Each step takes a second of the record's own time."""

    def __init__(
        self, workspace: Path, name: str = "20260102T030405Z-0badcafe", total: int = 120, pid: int = 1
    ) -> None:
        self.name = name
        self.folder = runs.runs_folder(workspace) / name
        self.folder.mkdir(parents=True)
        shutil.copy(workspace / "recipe.yaml", self.folder / runs.RECIPE_LOCK)
        self.total = total
        self.pid = pid
        self._time = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def begin(self) -> None:
        self.write(
            self.stage(Stage.PREPARE, StageState.STARTED),
            RunStarted(
                **self._head(8), recipe="recipe.yaml", run_dir=f".lintune/runs/{self.name}", pid=self.pid,
                base_model="smollm2-135m-instruct", samples=229, eval_samples=40, trained_tokens=3520,
                total_steps=self.total, device="CPU, 2 threads",
            ),
            self.stage(Stage.PREPARE, StageState.FINISHED, 8),
            self.stage(Stage.BASELINE, StageState.STARTED),
            self.evaluation(EvaluationKind.BASELINE, 0),
            self.stage(Stage.BASELINE, StageState.FINISHED, 12),
            self.stage(Stage.TRAIN, StageState.STARTED),
        )  # fmt: skip

    def steps(self, first: int, last: int) -> None:
        """Steps of the training, both ends in it."""
        self.write(*(self.step(number) for number in range(first, last + 1)))

    def checkpoint(self, step: int, *, best: bool = True) -> None:
        self.write(
            self.evaluation(EvaluationKind.CHECKPOINT, step),
            CheckpointSaved(**self._head(), step=step, path=f"checkpoints/checkpoint-{step}", best=best),
        )

    def warn(self) -> None:
        self.write(
            Warned(
                **self._head(), topic=WarningTopic.OVER_FITTING, epoch=1.5,
                message="The evaluation loss has risen since epoch 1.5 while the training loss falls: the model learns "
                "the samples by heart. Stop at epoch 1.5, or add samples.",
            ),
            Warned(
                **self._head(), topic=WarningTopic.LOSS_SPIKE,
                message="The loss jumped from 0.31 to 4.2 at step 70. These samples were in the batch.",
                samples=[SamplePlace("data/train.jsonl", 3), SamplePlace("data/train.jsonl", 8)],
            ),
        )  # fmt: skip

    def finish(self) -> None:
        self.write(
            self.stage(Stage.TRAIN, StageState.FINISHED, self.total),
            self.stage(Stage.EVALUATE, StageState.STARTED),
            self.evaluation(EvaluationKind.FINAL, self.total),
            self.stage(Stage.EVALUATE, StageState.FINISHED, 6),
            self.stage(Stage.EXPORT, StageState.STARTED),
            ArtefactWritten(**self._head(), kind=ArtefactKind.ADAPTER, path="adapter", bytes=78_208_375),
            ArtefactWritten(
                **self._head(), kind=ArtefactKind.GGUF, path="model-q4_k_m.gguf", bytes=105_453_984, quantization="q4"
            ),
            self.stage(Stage.EXPORT, StageState.FINISHED, 9),
            self.stage(Stage.VERIFY, StageState.STARTED),
            Verified(
                **self._head(20), ok=True,
                checks=[
                    Check("tokens of model-q4_k_m.gguf", True, "11 texts, 497 tokens: the ids that were trained with"),
                    Check("weights of model-q4_k_m.gguf", True, "272 tensors, each within 5.2% of what was trained"),
                    Check("greedy answers", True, "8 of 8 answers are the trained model's"),
                ],
            ),
            self.stage(Stage.VERIFY, StageState.FINISHED, 20),
            RunFinished(
                **self._head(), seconds=200, eval_loss_before=3.77, eval_loss_after=0.0036, model="model-q4_k_m.gguf"
            ),
        )  # fmt: skip

    def write(self, *those: Event) -> None:
        with (self.folder / runs.EVENTS).open("ab") as file:
            file.write(b"".join(events.encode(one) + b"\n" for one in those))

    def step(self, number: int) -> Progress:
        share = number / self.total
        return Progress(
            **self._head(1), step=number, total_steps=self.total, epoch=3 * share,
            loss=3.9 * math.exp(-5 * share) + 0.05 + 0.35 * math.exp(-2 * share) * abs(math.sin(number * 7.3)),
            learning_rate=2e-4 * (1.02 - share), tokens_per_second=230 + 20 * math.sin(number),
            eta_seconds=self.total - number, grad_norm=1.0, memory_bytes=1_467_351_040 + 1_000_000 * min(number, 90),
        )  # fmt: skip

    def evaluation(self, kind: EvaluationKind, step: int) -> Evaluation:
        loss = 3.7707 if kind is EvaluationKind.BASELINE else 3.7 * math.exp(-7 * step / self.total) + 0.02
        exact = 0.0 if kind is EvaluationKind.BASELINE else min(1.0, round(1.3 * step / self.total, 3))
        return Evaluation(
            **self._head(2), kind=kind, step=step, eval_loss=loss, perplexity=math.exp(loss), exact_match=exact
        )

    def stage(self, stage: Stage, state: StageState, seconds: float | None = None) -> StageChanged:
        return StageChanged(**self._head(), stage=stage, state=state, seconds=seconds)

    def _head(self, seconds: float = 0) -> dict[str, Any]:
        self._time += timedelta(seconds=seconds)
        return {"run": self.name, "time": self._time.isoformat(timespec="milliseconds")}
