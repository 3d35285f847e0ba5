"""What a run says of itself at its end: over-fitting that only the last evaluation shows, and a better checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lintune_schemas import events, history, runs
from lintune_schemas.events import EvaluationKind, WarningTopic
from lintune_trainer import over_fitting
from lintune_trainer.evaluation import Scores
from lintune_trainer.over_fitting import Point, best_of, clearly_worse
from lintune_trainer.watch import evaluated_on_the_way, keeps_best, warn_of_over_fitting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lintune_schemas.history import History
    from lintune_schemas.plan import Plan
    from lintune_schemas.recipe import Recipe
    from lintune_trainer.data import Sample
    from lintune_trainer.preference import PairScores
    from lintune_trainer.run import Run

_RECITED = 0.9
"""The share of the training answers that a model has word for word when it may have learned them by heart."""

_UNSEEN = 0.3
"""Nats a token by which samples that were not seen yet must have been harder than they are now. Where a task has been
learned, as commands or labels are, they were not."""


def train_loss(run: Run) -> dict[str, float]:
    """By the name that it has in an event: the mean training loss since the last evaluation of the run."""
    return _train_loss(history.of(runs.read_events(run.folder)))


def with_evaluation(
    run: Run,
    recipe: Recipe,
    plan: Plan,
    train: Sequence[Sample],
    samples: list[Sample],
    model: Any,
    after: Scores | PairScores,
) -> None:
    """Warn when it can be seen now that training went on for too long. after: the final scores of the samples."""
    seen = history.of(runs.read_events(run.folder))
    now = _final(seen, evaluated_on_the_way(samples, train, plan, recipe), samples, after)
    on_the_way = [_point(made) for made in seen.evaluations if made.kind is EvaluationKind.CHECKPOINT]
    warned = any(warning.topic is WarningTopic.OVER_FITTING for warning in seen.warnings)
    stop_at = over_fitting.judge([*on_the_way, now], final=True)
    if stop_at and not warned and not keeps_best(recipe) and not recipe.rl:
        batch_size = recipe.eval_batch_size or recipe.micro_batch_size
        recited = over_fitting.recite(model, train, batch_size, recipe.seed)
        warn_of_over_fitting(run, stop_at, now, recited, plan.steps_per_epoch)
    earlier = [_point(made) for made in seen.evaluations if made.kind is not EvaluationKind.FINAL]
    best = best_of(earlier) if earlier else now
    if clearly_worse(now.loss, best.loss):
        _warn_of_better(run, recipe, plan, best, now.loss)


def without_evaluation(run: Run, recipe: Recipe, plan: Plan, train: Sequence[Sample], model: Callable[[], Any]) -> None:
    """Warn of a sign of over-fitting, where there are no samples to see it with. model: loads the tuned one.

    In the first epoch the loss of a step is one on samples that the model has not seen. So what it says of the end of
    that epoch, and what is recited at the end of the last, stand for the evaluation and the training loss. It is a sign
    only: later epochs teach the task, too.
    """
    seen = history.of(runs.read_events(run.folder))
    losses = [made.loss for made in seen.progress]
    if recipe.rl or plan.total_steps < 2 * plan.steps_per_epoch or len(losses) < plan.total_steps:
        return
    quarter = max(plan.steps_per_epoch // 4, 1)
    unseen = _mean(losses[plan.steps_per_epoch - quarter : plan.steps_per_epoch])
    if unseen - _mean(losses[-plan.steps_per_epoch :]) < _UNSEEN:
        return
    batch_size = recipe.eval_batch_size or recipe.micro_batch_size
    recited = over_fitting.recite(model(), train, batch_size, recipe.seed)
    if recited.exact_match >= _RECITED:
        message = (
            f"Of {len(recited.each)} training answers the model has {recited.exact_match:.0%} word for word, with a "
            f"loss of {recited.loss:.3f} nats a token, where in the first epoch samples that it had not seen cost "
            f"{unseen:.3f}. It may have learned the samples by heart instead of the task. Whether it has, only samples "
            "can tell that it does not train on: set val_set_size: 0.1, or list a file under test_datasets."
        )
        run.emit(events.Warned(run=run.name, message=message, topic=WarningTopic.OVER_FITTING))


def _warn_of_better(run: Run, recipe: Recipe, plan: Plan, best: Point, loss: float) -> None:
    """Weights before those that the run ends with were better on the evaluation samples."""
    epoch = best.step / plan.steps_per_epoch
    figures = f"an evaluation loss of {best.loss:.3f}, the run ends with {loss:.3f}."
    if best.step == 0:
        message = (
            f"The base model had {figures} What the training samples teach does not help with the evaluation samples: "
            "see whether they are of the same kind, and lower learning_rate."
        )
    elif keeps_best(recipe):
        message = f"After epoch {epoch:.3g} the model had {figures} Its checkpoint is gone: raise save_total_limit."
    else:
        message = (
            f"After epoch {epoch:.3g} the model had {figures} Set load_best_model_at_end: true to get the best "
            f"checkpoint, or num_epochs: {epoch:.3g}."
        )
    run.emit(events.Warned(run=run.name, message=message, topic=WarningTopic.BEST_IS_EARLIER, epoch=round(epoch, 4)))


def _final(seen: History, read_on_the_way: list[Sample], samples: list[Sample], after: Scores | PairScores) -> Point:
    """The last evaluation, on the samples that the ones on the way were made with."""
    if isinstance(after, Scores) and len(read_on_the_way) < len(samples):
        chosen = {id(sample) for sample in read_on_the_way}
        after = Scores(tuple(score for sample, score in zip(samples, after.each, strict=True) if id(sample) in chosen))
    figures = after.figures()
    return Point(
        seen.step,
        figures["eval_loss"],
        figures["token_accuracy"],
        figures["exact_match"],
        _train_loss(seen).get("train_loss"),
    )


def _train_loss(seen: History) -> dict[str, float]:
    last = max((made.step for made in seen.evaluations), default=0)
    since = [made.loss for made in seen.progress if made.step > last]
    return {"train_loss": _mean(since)} if since else {}


def _point(made: events.Evaluation) -> Point:
    return Point(made.step, made.eval_loss, made.token_accuracy, made.exact_match, made.train_loss)


def _mean(losses: Sequence[float]) -> float:
    return sum(losses) / len(losses)
