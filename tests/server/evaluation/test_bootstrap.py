"""Intervals against the slow way of drawing samples one by one, and against what theory says of large sets."""

import random
from statistics import NormalDist, quantiles

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintune_server.evaluation.bootstrap import Asked, Compared, Ratio, compare

SHARES = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40)


def means(values: list[tuple[float, float]], seed: int = 0, draws: int = 400) -> Compared:
    """Of shares: a pair of values a sample, of base and tuned model."""
    base, tuned = (Ratio([float(pair[model]) for pair in values], [1.0] * len(values)) for model in (0, 1))
    return compare([Asked(base, tuned, (0.0, 1.0))], seed, draws)[0]


@given(SHARES, st.integers(0, 99))
@settings(max_examples=60)
def test_ends_are_in_order_and_within_bounds(values: list[tuple[bool, bool]], seed: int) -> None:
    found = means(values, seed)
    for interval in found[:2]:
        assert 0 <= interval.low <= interval.high <= 1
    assert found.base.value == pytest.approx(np.mean([pair[0] for pair in values]))
    assert found.difference.value == pytest.approx(found.tuned.value - found.base.value)
    assert -1 <= found.difference.low <= found.difference.high <= 1
    assert means(values, seed) == found, "the same seed gives the same ends"


@given(SHARES)
@settings(max_examples=30)
def test_the_difference_turns_with_the_models(values: list[tuple[bool, bool]]) -> None:
    there, back = means(values), means([(tuned, base) for base, tuned in values])
    assert back.difference.low == pytest.approx(-there.difference.high)
    assert back.difference.high == pytest.approx(-there.difference.low)


def test_ends_are_those_of_drawing_one_by_one() -> None:
    draw = random.Random(7)
    values = [(draw.random(), draw.random() ** 2) for _ in range(50)]
    found = means(values, draws=5_000)
    drawn = []
    for _ in range(5_000):
        again = draw.choices(values, k=len(values))
        drawn.append(sum(tuned - base for base, tuned in again) / len(again))
    cuts = quantiles(drawn, n=40)
    assert found.difference.low == pytest.approx(cuts[0], abs=0.01)
    assert found.difference.high == pytest.approx(cuts[-1], abs=0.01)


def test_ends_of_a_large_set_are_those_of_the_normal_distribution() -> None:
    values = [(float(index % 10 < 3), 1.0) for index in range(2_000)]
    found = means(values, draws=5_000)
    width = NormalDist().inv_cdf(0.975) * (0.3 * 0.7 / 2_000) ** 0.5
    assert (found.base.low, found.base.high) == pytest.approx((0.3 - width, 0.3 + width), abs=0.002)


def test_pairs_are_drawn_together() -> None:
    """Two models that differ little on samples that differ much: their difference is known well."""
    draw = random.Random(1)
    base = [draw.random() for _ in range(100)]
    found = means([(value * 0.9, value * 0.9 + 0.05) for value in base])
    assert found.difference.high - found.difference.low < 1e-9
    assert found.base.high - found.base.low > 0.08


def test_where_all_samples_agree_the_interval_says_how_many_there_were() -> None:
    """0 of 40 against 40 of 40: Clopper and Pearson's interval of 40 of 40 begins at 0.0881 from its end."""
    found = means([(0.0, 1.0)] * 40)
    assert found.base == pytest.approx((0, 0, 0.0881), abs=1e-4)
    assert found.tuned == pytest.approx((1, 0.9119, 1), abs=1e-4)
    assert found.difference == pytest.approx((1, 1 - 2 * 0.0881, 1), abs=1e-4)
    assert means([(0.0, 1.0)]).tuned.low == pytest.approx(0.025)


def test_a_loss_is_over_all_tokens() -> None:
    base, tuned = Ratio([8.0, 1.0], [2.0, 8.0]), Ratio([2.0, 2.0], [2.0, 8.0])
    (found,) = compare([Asked(base, tuned, None, np.exp)], 0, 200)
    assert found.base.value == pytest.approx(np.exp(0.9))
    assert found.tuned.value == pytest.approx(np.exp(0.4))
    assert (found.base.low, found.base.high) == pytest.approx((np.exp(1 / 8), np.exp(4))), (
        "of drawing one of them twice"
    )


def test_samples_that_a_figure_says_nothing_of_do_not_count() -> None:
    some = Ratio([0.0, 1.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0])
    (found,) = compare([Asked(some, some, (0.0, 1.0))], 0, 500)
    assert found.base.value == 0.5
    assert (found.base.low, found.base.high) == (0, 1)
