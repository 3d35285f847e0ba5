"""From evaluations to the epoch after which a model only learned by heart."""

import pytest

from lintune_trainer.evaluation import Score, Scores
from lintune_trainer.over_fitting import Point, clearly_worse, described, judge


def points(*evaluated: tuple[float, float], accuracy: list[float] | None = None) -> list[Point]:
    """An evaluation every ten steps: evaluation loss and training loss of each."""
    right = accuracy or [0.7] * len(evaluated)
    return [
        Point(10 * (index + 1), loss, right[index], 0.0, train_loss)
        for index, (loss, train_loss) in enumerate(evaluated)
    ]


LEARNED_BY_HEART = [(1.1, 1.3), (0.9, 1.0), (0.95, 0.7), (1.1, 0.4), (1.3, 0.2)]


def test_it_is_seen_when_two_evaluations_are_worse() -> None:
    found = [judge(points(*LEARNED_BY_HEART[:count])) for count in range(6)]
    assert [best.step if best else None for best in found] == [None, None, None, None, 20, 20]


def test_the_last_evaluation_is_enough() -> None:
    best = judge(points((0.9, 1.0), (1.1, 0.4)), final=True)
    assert best is not None
    assert best.step == 10


@pytest.mark.parametrize(
    "evaluated",
    [
        [(1.1, 1.3), (0.9, 1.0), (0.8, 0.7), (0.7, 0.6)],  # still learning
        [(1.1, 1.3), (0.9, 1.0), (0.91, 0.9), (0.92, 0.9)],  # learned what there is
        [(0.020, 0.1), (0.012, 0.01), (0.018, 0.004), (0.019, 0.002)],  # all right, all but sure
        [(1.1, 1.3), (0.9, 1.0), (1.5, 1.6), (1.9, 2.0)],  # unlearns the samples, too
    ],
)
def test_other_courses_are_not_over_fitting(evaluated: list[tuple[float, float]]) -> None:
    for count in range(len(evaluated) + 1):
        assert judge(points(*evaluated[:count])) is None
    assert judge(points(*evaluated), final=True) is None


def test_a_higher_loss_is_forgiven_where_more_is_right() -> None:
    assert judge(points(*LEARNED_BY_HEART, accuracy=[0.60, 0.70, 0.74, 0.78, 0.80])) is None
    assert judge(points(*LEARNED_BY_HEART, accuracy=[0.60, 0.70, 0.70, 0.69, 0.69])) is not None


@pytest.mark.parametrize(
    ("loss", "than", "worse"), [(0.05, 0.01, True), (0.03, 0.01, False), (2.05, 2.0, False), (2.2, 2.0, True)]
)
def test_clearly_worse(loss: float, than: float, worse: bool) -> None:
    assert clearly_worse(loss, than) is worse


def test_the_message_has_the_figures_and_the_epoch() -> None:
    seen = points(*LEARNED_BY_HEART)
    recited = Scores((Score(1.0, 10, 10), Score(1.0, 10, 10), Score(2.0, 20, 18), Score(1.0, 10, 10)))
    message = described(seen[1], seen[-1], recited, steps_per_epoch=10)
    assert "After epoch 2 the evaluation loss was lowest, 0.900; after epoch 5 it is 1.300" in message
    assert "the training loss went from 1.000 to 0.200" in message
    assert "Of 4 training answers it has 75% word for word, of the evaluation samples 0%" in message
    assert "set num_epochs: 2" in message
