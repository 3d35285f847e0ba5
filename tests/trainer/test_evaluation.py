"""Loss, token accuracy and exact match against the plain way: one sample, one token, one generated answer at a time."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from lintune_schemas.chat import IGNORED_LABEL
from lintune_trainer import evaluation, models
from lintune_trainer.data import Sample
from lintune_trainer.evaluation import Score, Scores, evaluate

from .greedy import favourites


@pytest.fixture(scope="module")
def model(small_model: Path) -> Any:
    return models.load(small_model, torch.float32)


@torch.no_grad()
def plain(model: Any, sample: Sample) -> Score:
    logits = model(input_ids=torch.tensor([sample.ids])).logits[0].double()
    trained = [(place, label) for place, label in enumerate(sample.labels) if place and label != IGNORED_LABEL]
    nats = [-float(torch.log_softmax(logits[place - 1], -1)[label]) for place, label in trained]
    right = [int(logits[place - 1].argmax()) == label for place, label in trained]
    return Score(sum(nats), len(trained), sum(right))


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_each_sample_is_scored_as_if_it_were_alone(model: Any, samples: list[Sample], batch_size: int) -> None:
    some = [*samples[:6], *favourites(model, samples[6:9]), *favourites(model, samples[9:11], wrong=2)]
    scores = evaluate(model, some, batch_size)
    for found, expected in zip(scores.each, (plain(model, sample) for sample in some), strict=True):
        assert found.nats == pytest.approx(expected.nats, rel=1e-4)
        assert (found.tokens, found.right) == (expected.tokens, expected.right)
    assert scores.exact_match == pytest.approx(3 / 11)
    assert 0 < scores.token_accuracy < 1


def test_an_exact_match_is_what_it_would_answer(model: Any, samples: list[Sample]) -> None:
    assert evaluate(model, favourites(model, samples[:4]), 4).exact_match == 1.0
    assert evaluate(model, favourites(model, samples[:4], wrong=1), 4).exact_match == 0.0


def test_figures_of_a_set() -> None:
    scores = Scores((Score(1.0, 2, 2), Score(8.0, 8, 5), Score(9.0, 10, 10)))
    assert scores.loss == 18 / 20
    assert scores.token_accuracy == 17 / 20
    assert scores.exact_match == 2 / 3
    assert [score.loss for score in scores.each] == [0.5, 1.0, 0.9]


def test_the_model_goes_on_as_it_was(model: Any, samples: list[Sample]) -> None:
    model.train()
    evaluate(model, samples[:2], 2)
    assert model.training
    model.eval()


def test_few_samples_are_all_read_on_the_way(samples: list[Sample]) -> None:
    assert evaluation.on_the_way(samples, trained_between=10, seed=1) == samples


def test_of_many_samples_some_are_read_on_the_way(samples: list[Sample]) -> None:
    many = [replace(samples[index % len(samples)], line=index) for index in range(2000)]
    tokens = sum(len(sample.ids) for sample in many)

    some = evaluation.on_the_way(many, trained_between=tokens // 2, seed=1)
    assert sum(len(sample.ids) for sample in some) == pytest.approx(tokens / 4, rel=0.02)
    assert [sample.line for sample in some] == sorted(sample.line for sample in some)
    assert evaluation.on_the_way(many, trained_between=tokens // 2, seed=1) == some
    assert evaluation.on_the_way(many, trained_between=tokens // 2, seed=2) != some

    assert len(evaluation.on_the_way(many, trained_between=1, seed=1)) == 100
    assert evaluation.on_the_way(many, trained_between=2 * tokens, seed=1) == many
