"""What a run says at its end, from what its record holds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lintune_schemas import events, runs
from lintune_schemas.events import Evaluation, EvaluationKind, Progress, Warned, WarningTopic
from lintune_schemas.plan import Plan
from lintune_schemas.recipe import Recipe
from lintune_schemas.runs import DatasetLock
from lintune_trainer import conclusion, models
from lintune_trainer.data import Sample
from lintune_trainer.evaluation import Score, Scores
from lintune_trainer.run import Run, create

from .greedy import favourites

PLAN = Plan(2, 8, 0, None, None, 1)
"""Four epochs of two steps, an evaluation after each."""


@pytest.fixture(scope="module")
def model(small_model: Path) -> Any:
    return models.load(small_model, torch.float32)


@pytest.fixture
def run(tmp_path: Path, recipe: Callable[..., Recipe]) -> Run:
    return create(recipe(), tmp_path, DatasetLock("0" * 16), lambda _: None)


def record(run: Run, losses: list[float], evaluated: list[float]) -> None:
    """A training loss a step, and an evaluation loss: of the base model, then after each epoch but the last."""
    run.emit(evaluation(run, EvaluationKind.BASELINE, 0, evaluated[0])) if evaluated else None
    for step, loss in enumerate(losses, start=1):
        run.emit(
            Progress(
                run=run.name,
                step=step,
                total_steps=8,
                epoch=step / 2,
                loss=loss,
                learning_rate=1e-4,
                tokens_per_second=1.0,
                eta_seconds=0.0,
            )
        )
        if step % 2 == 0 and step // 2 < len(evaluated):
            run.emit(evaluation(run, EvaluationKind.CHECKPOINT, step, evaluated[step // 2], losses[step - 2 : step]))


def evaluation(
    run: Run, kind: EvaluationKind, step: int, loss: float, trained: list[float] | None = None
) -> Evaluation:
    train_loss = sum(trained) / len(trained) if trained else None
    return Evaluation(
        run=run.name, kind=kind, step=step, eval_loss=loss, perplexity=1.0, token_accuracy=0.5, train_loss=train_loss
    )


def scores(loss: float) -> Scores:
    return Scores((Score(10 * loss, 10, 5), Score(30 * loss, 30, 15)))


def warnings(run: Run) -> list[Warned]:
    return [event for event in events.read(run.folder / runs.EVENTS) if isinstance(event, Warned)]


FALLING = [2.0, 1.9, 1.5, 1.4, 1.0, 0.9, 0.5, 0.4]


def conclude(run: Run, recipe: Recipe, model: Any, samples: list[Sample], loss: float) -> list[Warned]:
    conclusion.with_evaluation(run, recipe, PLAN, samples[:4], samples[4:6], model, scores(loss))
    return warnings(run)


def test_a_run_that_got_better_to_the_end_is_silent(
    run: Run, recipe: Callable[..., Recipe], model: Any, samples: list[Sample]
) -> None:
    record(run, FALLING, [2.0, 1.6, 1.2, 1.0])
    assert conclude(run, recipe(), model, samples, 0.95) == []


def test_over_fitting_that_the_last_evaluation_shows(
    run: Run, recipe: Callable[..., Recipe], model: Any, samples: list[Sample]
) -> None:
    record(run, FALLING, [2.0, 1.6, 1.2, 1.0])
    over_fitting, better = conclude(run, recipe(), model, samples, 1.3)
    assert (over_fitting.topic, over_fitting.epoch) == (WarningTopic.OVER_FITTING, 3.0)
    assert "after epoch 4 it is 1.300, while the training loss went from 0.950 to 0.450" in over_fitting.message
    assert (better.topic, better.epoch) == (WarningTopic.BEST_IS_EARLIER, 3.0)
    assert "After epoch 3 the model had an evaluation loss of 1.000, the run ends with 1.300" in better.message


def test_a_better_base_model_is_said_to_be_better(
    run: Run, recipe: Callable[..., Recipe], model: Any, samples: list[Sample]
) -> None:
    record(run, FALLING, [0.7, 1.6, 1.2, 1.0])
    (better,) = conclude(run, recipe(), model, samples, 0.9)
    assert (better.topic, better.epoch) == (WarningTopic.BEST_IS_EARLIER, 0.0)
    assert better.message.startswith("The base model had an evaluation loss of 0.700")


def test_without_evaluation_samples_recited_answers_are_a_sign(
    run: Run, recipe: Callable[..., Recipe], model: Any, samples: list[Sample]
) -> None:
    known = favourites(model, samples[:4])
    record(run, FALLING, [])
    conclusion.without_evaluation(run, recipe(), PLAN, known, lambda: model)
    (sign,) = warnings(run)
    assert (sign.topic, sign.epoch) == (WarningTopic.OVER_FITTING, None)
    assert "Of 4 training answers the model has 100% word for word" in sign.message
    assert "samples that it had not seen cost 1.900. It may have learned the samples by heart" in sign.message


@pytest.mark.parametrize(
    ("losses", "wrong"),
    [
        (FALLING, 1),  # it does not recite
        ([2.0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], 0),  # it had learned the task before it had seen all samples
        ([2.0, 1.9], 0),  # one epoch
    ],
)
def test_without_evaluation_samples_and_without_a_sign(
    run: Run, recipe: Callable[..., Recipe], model: Any, samples: list[Sample], losses: list[float], wrong: int
) -> None:
    record(run, losses, [])
    plan = Plan(2, len(losses), 0, None, None, 1)
    conclusion.without_evaluation(run, recipe(), plan, favourites(model, samples[:4], wrong), lambda: model)
    assert warnings(run) == []
