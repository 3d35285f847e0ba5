"""What is watched while a model learns, and at its end: spikes of the loss, over-fitting, and when to stop."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from lintune_schemas import events
from lintune_schemas.events import WarningTopic
from lintune_trainer import evaluation, over_fitting
from lintune_trainer.engines import ranks
from lintune_trainer.not_finite import LOWER
from lintune_trainer.over_fitting import Point, best_of
from lintune_trainer.places import SamplesError, named, places
from lintune_trainer.spikes import Spikes, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lintune_schemas.plan import Plan
    from lintune_schemas.recipe import Recipe
    from lintune_trainer.data import Sample
    from lintune_trainer.evaluation import Scores
    from lintune_trainer.job import Job
    from lintune_trainer.run import Run

_START = "losses_at_start"
"""Under this name the Trainer's log has the losses of some samples before the first step."""

_SPIKE = "spike"
"""And here, of a step whose loss was one, the samples."""

_AT_START = 16
"""Samples that are evaluated before the first step: Spikes needs as many."""

_MOST_SPIKES = 10
"""Warnings of single steps in a run; who has read these knows."""


def keeps_best(recipe: Recipe) -> bool:
    """Whether the run ends with its best checkpoint instead of its last."""
    return recipe.load_best_model_at_end or bool(recipe.early_stopping_patience)


class Watch(TrainerCallback):  # type: ignore[misc] # transformers has no types
    """Looks at every loss and every evaluation; warns, stops early, or ends the run.

    It remembers nothing that the Trainer's own log does not hold, which is part of every checkpoint: a run that was
    resumed is judged as if it had never been interrupted.
    """

    def __init__(self, job: Job, step_samples: Callable[[], Sequence[Sample]]) -> None:
        self._job = job
        self._step_samples = step_samples
        self._batch_size = job.recipe.eval_batch_size or job.recipe.micro_batch_size
        self._spikes = Spikes()
        self._at_start: list[float] = []

    def look_at_start(self, model: Any) -> None:
        """Evaluate some training samples, before the first step of a training that begins (and before its clock runs).

        Of pairs nothing is looked at: the losses of their samples are not those of their steps.
        """
        if self._job.checkpoint is None and not self._job.recipe.rl:
            train = self._job.train
            some = random.Random(self._job.recipe.seed).sample(train, min(_AT_START, len(train)))  # noqa: S311
            losses = [score.loss for score in evaluation.evaluate(model, some, self._batch_size).each]
            # What is no number will stop the run when it comes to that sample.
            self._at_start = [loss for loss in losses if math.isfinite(loss)]

    def on_train_begin(self, _args: Any, state: Any, control: Any, **_: Any) -> Any:
        if not state.log_history:
            state.log_history.append({"step": 0, _START: self._at_start})
        for entry in state.log_history:
            if _START in entry:
                self._spikes = Spikes(entry[_START])
            elif "loss" in entry:
                self._spikes.see(entry["loss"])
        control.should_training_stop = self._stops_early(points(state.log_history))
        return control

    def on_log(self, _args: Any, state: Any, _control: Any, logs: dict[str, float], model: Any, **_: Any) -> None:
        """Raises SamplesError when training has diverged."""
        if "loss" not in logs:
            return  # an evaluation, or the Trainer's closing summary
        verdict = self._spikes.see(logs["loss"])
        if verdict is Verdict.SPIKE:
            where = self._odd_ones(model)
            known = [entry[_SPIKE] for entry in state.log_history if _SPIKE in entry]
            state.log_history[-1][_SPIKE] = these = [[place.path, place.line] for place in where]
            if these not in known and len(known) < _MOST_SPIKES:
                self._warn_of_spike(state, logs["loss"], where)
        elif verdict is Verdict.DIVERGED:
            spike = next(entry for entry in reversed(state.log_history) if _SPIKE in entry)
            raise SamplesError(
                f"The loss shot up at step {spike['step']}, from about {self._spikes.level:.2f} nats a token to "
                f"{spike['loss']:.2f}, and is still {logs['loss']:.2f} at step {state.global_step}: training has "
                f"diverged. {LOWER}",
                [events.SamplePlace(path, line) for path, line in spike[_SPIKE]],
            )

    def on_evaluate(self, _args: Any, state: Any, control: Any, model: Any, **_: Any) -> Any:
        job, seen = self._job, points(state.log_history)
        stop_at = None if job.recipe.rl else over_fitting.judge(seen)
        if stop_at and not any(over_fitting.judge(seen[:count]) for count in range(len(seen))):
            recited = over_fitting.recite(model, job.train, self._batch_size, job.recipe.seed)
            warn_of_over_fitting(job.run, stop_at, seen[-1], recited, job.plan.steps_per_epoch)
        if keeps_best(job.recipe) and best_of(seen) is seen[-1]:
            control.should_save = True
        if self._stops_early(seen):
            control.should_save = True  # so that a run that is resumed knows
            control.should_training_stop = True
            self._warn_of_early_stop(best_of(seen))
        return control

    def _stops_early(self, seen: Sequence[Point]) -> bool:
        """Whether so many evaluations were no better than the best before them as the recipe has patience for."""
        patience = self._job.recipe.early_stopping_patience
        if not patience or not seen:
            return False
        return len(seen) - 1 - seen.index(best_of(seen)) >= patience

    def _odd_ones(self, model: Any) -> list[events.SamplePlace]:
        """Of the step's samples those whose own loss is out of line; all, where that cannot be said of single ones."""
        samples = list(self._step_samples())
        if not ranks.together() and not self._job.recipe.rl:
            losses = [score.loss for score in evaluation.evaluate(model, samples, self._batch_size).each]
            # The step with the odd sample has been taken, so that the others may do worse than before, too.
            least = max(self._spikes.limit, max(losses) / 2)
            samples = [sample for sample, loss in zip(samples, losses, strict=True) if loss > least] or samples
        return ranks.gathered(places(samples, self._job.recipe_path.parent))

    def _warn_of_spike(self, state: Any, loss: float, where: list[events.SamplePlace]) -> None:
        message = (
            f"The loss of step {state.global_step} is {loss:.2f} nats a token, where about {self._spikes.level:.2f} is "
            f"usual. Look at {named(where)}: they may be wrong, or of another kind than the others."
        )
        run = self._job.run
        run.emit(events.Warned(run=run.name, message=message, topic=WarningTopic.LOSS_SPIKE, samples=where))

    def _warn_of_early_stop(self, best: Point) -> None:
        run, epoch = self._job.run, best.step / self._job.plan.steps_per_epoch
        message = (
            f"Training stops early: the evaluation after epoch {epoch:.3g} (loss {best.loss:.3f}) is still the best, "
            f"{self._job.recipe.early_stopping_patience} evaluations later. The run ends with that checkpoint."
        )
        run.emit(events.Warned(run=run.name, message=message, topic=WarningTopic.EARLY_STOP, epoch=round(epoch, 4)))


def points(log: Sequence[dict[str, Any]]) -> list[Point]:
    """The evaluations in the Trainer's log."""
    return [
        Point(
            entry["step"],
            entry["eval_loss"],
            entry.get("token_accuracy"),
            entry.get("exact_match"),
            entry.get("train_loss"),
        )
        for entry in log
        if "eval_loss" in entry
    ]


def train_loss_since(log: Sequence[dict[str, Any]]) -> dict[str, float]:
    """By the name that it has in an event: the mean of the losses in the Trainer's log since its last evaluation."""
    since: list[float] = []
    for entry in reversed(log):
        if "eval_loss" in entry:
            break
        if "loss" in entry:
            since.append(entry["loss"])
    return {"train_loss": sum(since) / len(since)} if since else {}


def evaluated_on_the_way(samples: list[Sample], train: Sequence[Sample], plan: Plan, recipe: Recipe) -> list[Sample]:
    """Those of the evaluation samples that are read while training goes on: all, unless that took too long."""
    tokens = sum(len(sample.ids) for sample in train) / plan.steps_per_epoch
    return evaluation.on_the_way(samples, round(tokens * (plan.eval_every or plan.steps_per_epoch)), recipe.seed)


def warn_of_over_fitting(run: Run, stop_at: Point, now: Point, recited: Scores, steps_per_epoch: int) -> None:
    message = over_fitting.described(stop_at, now, recited, steps_per_epoch)
    epoch = round(stop_at.step / steps_per_epoch, 4)
    run.emit(events.Warned(run=run.name, message=message, topic=WarningTopic.OVER_FITTING, epoch=epoch))
