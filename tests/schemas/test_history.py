"""What the events of a run come to, whole, resumed and damaged; and its loss as a curve."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintune_schemas import history, loss_curve
from lintune_schemas.events import (
    ArtefactKind,
    ArtefactWritten,
    CheckpointSaved,
    Evaluation,
    EvaluationKind,
    Event,
    Progress,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
    Warned,
)
from lintune_schemas.loss_curve import Point, thinned

BEGIN = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)


def at(seconds: float) -> str:
    return (BEGIN + timedelta(seconds=seconds)).isoformat()


def started(time: str = at(0)) -> RunStarted:
    return RunStarted(
        run="r",
        time=time,
        recipe="recipe.yaml",
        run_dir=".lintune/runs/r",
        pid=1,
        base_model="m",
        samples=8,
        eval_samples=2,
        trained_tokens=40,
        total_steps=100,
        device="CPU",
    )


def step(number: int, loss: float = 1.0, time: str = at(0)) -> Progress:
    return Progress(
        run="r",
        time=time,
        step=number,
        total_steps=100,
        epoch=number / 10,
        loss=loss,
        learning_rate=1e-4,
        tokens_per_second=9.0,
        eta_seconds=1.0,
    )


def evaluated(kind: EvaluationKind, number: int, loss: float) -> Evaluation:
    return Evaluation(run="r", time=at(0), kind=kind, step=number, eval_loss=loss, perplexity=math.exp(loss))


def resumed(number: int, time: str = at(0)) -> RunResumed:
    return RunResumed(run="r", time=time, pid=2, step=number)


def test_nothing_is_the_history_of_no_events():
    found = history.of([])
    assert (found.started, found.first, found.last, found.step, found.seconds, found.best) == (
        None,
        None,
        None,
        0,
        0,
        None,
    )
    assert loss_curve.of(found) == loss_curve.LossCurve((), (), None, None)


def test_of_two_reports_of_a_step_the_later_counts():
    found = history.of(
        [
            started(),
            evaluated(EvaluationKind.BASELINE, 0, 3.0),
            step(1, 2.5),
            step(2, 2.0),
            evaluated(EvaluationKind.CHECKPOINT, 2, 1.9),
            CheckpointSaved(run="r", step=2, path="checkpoints/checkpoint-2"),
            step(3, 9.0),
            step(4, 9.0),
            evaluated(EvaluationKind.CHECKPOINT, 4, 0.1),
            CheckpointSaved(run="r", step=4, path="checkpoints/checkpoint-4"),
            resumed(2),
            step(3, 1.8),
        ]
    )
    assert [(made.step, made.loss) for made in found.progress] == [(1, 2.5), (2, 2.0), (3, 1.8)]
    assert [made.step for made in found.checkpoints] == [2]
    assert (found.resumed, found.step) == (1, 3)
    assert found.best is not None
    assert (found.best.step, found.best.eval_loss) == (2, 1.9)
    assert found.baseline is not None
    assert found.baseline.eval_loss == 3.0


Session = tuple[int, list[float]]
"""How far back a process begins, and the losses that it reports."""


@given(st.lists(st.tuples(st.integers(0, 5), st.lists(st.floats(0, 10), max_size=6)), max_size=6))
def test_a_run_in_pieces_has_the_history_of_what_remains(sessions: list[Session]):
    events: list[Event] = [started()]
    remaining: list[float] = []
    for number, (back, losses) in enumerate(sessions):
        if number:
            remaining = remaining[: max(len(remaining) - back, 0)]
            events.append(resumed(len(remaining)))
        for loss in losses:
            remaining.append(loss)
            events.append(step(len(remaining), loss))
    found = history.of(events)
    assert [(made.step, made.loss) for made in found.progress] == list(enumerate(remaining, start=1))
    assert found.resumed == max(len(sessions) - 1, 0)


def test_pauses_are_no_part_of_how_long_it_took():
    paused = RunPaused(run="r", time=at(60), step=5)
    found = history.of([started(at(0)), paused, resumed(5, at(7000)), step(6, time=at(7030))])
    assert found.seconds == 90


def test_a_finished_run_knows_how_long_it_took():
    end = RunFinished(run="r", time=at(60), seconds=64.5, eval_loss_before=None, eval_loss_after=None, model=None)
    assert history.of([started(), end]).seconds == 64.5


@pytest.mark.parametrize("time", [at(-3600), "yesterday", "2026-11-25T12:00:00"])
def test_a_clock_that_cannot_be_trusted_gives_no_time_below_zero(time: str):
    assert history.of([started(), step(1, time=time)]).seconds == 0


def test_a_warning_that_is_repeated_is_one_and_an_artefact_is_its_last():
    found = history.of(
        [
            started(),
            Warned(run="r", message="m"),
            ArtefactWritten(run="r", kind=ArtefactKind.ADAPTER, path="adapter", bytes=1),
            resumed(0),
            Warned(run="r", message="m"),
            ArtefactWritten(run="r", kind=ArtefactKind.ADAPTER, path="adapter", bytes=2),
        ]
    )
    assert [made.message for made in found.warnings] == ["m"]
    assert [made.bytes for made in found.artefacts] == [2]


def test_the_curve_has_numbers_only():
    curve = loss_curve.of(
        history.of(
            [
                evaluated(EvaluationKind.BASELINE, 0, math.inf),
                step(1, math.nan),
                step(2, 2.0),
                step(3, math.inf),
                evaluated(EvaluationKind.CHECKPOINT, 3, math.nan),
                step(4, 1.0),
                evaluated(EvaluationKind.CHECKPOINT, 4, 1.2),
            ]
        )
    )
    assert curve.train == ((2, 2.0), (4, 1.0))
    assert curve.evaluation == ((4, 1.2),)
    assert curve.base is None
    assert curve.best == (4, 1.2)


def test_a_checkpoints_evaluation_stands_for_its_step():
    final = evaluated(EvaluationKind.FINAL, 8, 1.0)  # of the best weights, which are those of step 4
    found = history.of(
        [evaluated(EvaluationKind.CHECKPOINT, 4, 1.0), evaluated(EvaluationKind.CHECKPOINT, 8, 1.5), final]
    )
    assert found.final == final
    assert loss_curve.of(found).evaluation == ((4, 1.0), (8, 1.5))


def test_smoothing_keeps_a_level_and_begins_where_the_losses_do():
    level = loss_curve.LossCurve(tuple(Point(number, 2.0) for number in range(100)), (), None, None)
    assert [point.loss for point in level.smoothed] == pytest.approx([2.0] * 100)
    jagged = loss_curve.LossCurve(tuple(Point(number, 2.0 + number % 2) for number in range(1000)), (), None, None)
    assert jagged.smoothed[0].loss == 2.0
    assert max(abs(point.loss - 2.5) for point in jagged.smoothed[500:]) < 0.05


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300), st.integers(2, 50))
def test_thinning_keeps_the_order_and_the_extremes(losses: list[float], most: int):
    points = [Point(number, loss) for number, loss in enumerate(losses)]
    kept = thinned(points, most)
    assert len(kept) <= most
    assert kept == sorted(set(kept))
    assert {min(losses), max(losses)} <= {point.loss for point in kept}
    assert set(kept) <= set(points)


def test_a_hundred_thousand_steps():
    found = history.of(step(number, 1 / number) for number in range(1, 100_001))
    curve = loss_curve.of(found)
    assert (found.step, len(curve.train), len(curve.smoothed)) == (100_000, 100_000, 100_000)
    assert len(thinned(curve.train, 2_000)) <= 2_000
