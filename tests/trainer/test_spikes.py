"""Which losses are out of line. Curves are made here, with a fixed seed, as noisy as those of tiny batches."""

import math
import random

import pytest

from lintune_trainer.spikes import Spikes, Verdict


def curve(seed: int, steps: int, begin: float, end: float, noise: float) -> list[float]:
    """A loss that falls exponentially, times log-normal noise."""
    made = random.Random(seed)
    return [
        (end + (begin - end) * math.exp(-4 * step / steps)) * math.exp(made.gauss(0, noise)) for step in range(steps)
    ]


def verdicts(losses: list[float], start: list[float] | None = None) -> list[Verdict]:
    spikes = Spikes(start or ())
    return [spikes.see(loss) for loss in losses]


@pytest.mark.parametrize(
    ("begin", "end", "noise"),
    [
        (1.5, 0.6, 0.1),  # large batches
        (1.5, 0.6, 0.5),  # one sample a batch
        (3.0, 0.01, 1.3),  # a task that is learned whole, one sample a batch
        (10.8, 8.0, 0.05),  # from random weights
    ],
)
def test_runs_that_go_well_are_silent(begin: float, end: float, noise: float) -> None:
    for seed in range(50):
        assert set(verdicts(curve(seed, 400, begin, end, noise))) == {Verdict.USUAL}


def test_a_wrong_answer_in_a_run_of_right_ones_is_usual() -> None:
    losses = [0.01] * 60
    losses[50] = 1.8
    assert set(verdicts(losses)) == {Verdict.USUAL}


def test_a_single_spike() -> None:
    losses = curve(1, 100, 1.5, 0.6, 0.2)
    losses[70] = 7.0
    found = verdicts(losses)
    assert found[70] is Verdict.SPIKE
    assert set(found[:70] + found[71:]) == {Verdict.USUAL}


def test_two_spikes_are_two() -> None:
    losses = curve(1, 100, 1.5, 0.6, 0.2)
    losses[50] = losses[70] = 7.0
    assert [step for step, verdict in enumerate(verdicts(losses)) if verdict is Verdict.SPIKE] == [50, 70]


@pytest.mark.parametrize("noise", [0.02, 0.3])
def test_a_loss_that_stays_up(noise: float) -> None:
    losses = curve(1, 60, 1.5, 0.6, 0.2) + curve(2, 40, 9.0, 8.0, noise)
    found = verdicts(losses)
    assert found[60] is Verdict.SPIKE
    assert found.index(Verdict.DIVERGED) == 79
    assert set(found[:60] + found[61:79]) == {Verdict.USUAL}


def test_a_loss_that_shoots_up_at_once_is_compared_with_the_start() -> None:
    found = verdicts([11.0] * 30, start=[1.5 + 0.05 * index for index in range(16)])
    assert found[0] is Verdict.SPIKE
    assert found.index(Verdict.DIVERGED) == 19


def test_however_wide_the_spread_is_more_than_at_the_start_is_out_of_line() -> None:
    losses = curve(1, 100, 3.0, 0.01, 1.3) + [9.0] * 30
    found = verdicts(losses, start=[3.0 + 0.05 * index for index in range(16)])
    assert found[100] is Verdict.SPIKE
    assert found[119] is Verdict.DIVERGED


def test_a_loss_that_comes_back_has_not_diverged() -> None:
    losses = curve(1, 60, 1.5, 0.6, 0.2) + [8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0] + [0.7] * 60
    found = verdicts(losses)
    assert found[60] is Verdict.SPIKE
    assert Verdict.DIVERGED not in found


def test_few_losses_say_nothing() -> None:
    assert set(verdicts([0.1] * 10 + [9.0])) == {Verdict.USUAL}
