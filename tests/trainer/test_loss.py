"""The loss against the plain way: one sample at a time, one token at a time, all logits."""

from pathlib import Path
from typing import Any

import pytest
import torch

from lintune_schemas.chat import IGNORED_LABEL
from lintune_schemas.recipe import from_mapping
from lintune_trainer import adapter, models
from lintune_trainer.batches import Collator
from lintune_trainer.data import Sample
from lintune_trainer.evaluation import evaluate
from lintune_trainer.loss import trained_logits, training_loss


@pytest.fixture(scope="module")
def model(small_model: Path) -> Any:
    return models.load(small_model, torch.float32)


def token_losses(model: Any, sample: Sample) -> list[torch.Tensor]:
    """The negative log-likelihood of every trained token of a sample."""
    logits = model(input_ids=torch.tensor([sample.ids])).logits[0]
    return [
        -torch.log_softmax(logits[index - 1].double(), -1)[label]
        for index, label in enumerate(sample.labels)
        if index and label != IGNORED_LABEL
    ]


def plain_mean(model: Any, samples: list[Sample]) -> float:
    losses = [float(loss) for sample in samples for loss in token_losses(model, sample)]
    return sum(losses) / len(losses)


def learning_everything(samples: list[Sample]) -> list[Sample]:
    return [Sample(sample.path, sample.line, sample.conversation, sample.ids, sample.ids) for sample in samples]


@pytest.mark.parametrize("batch_size", [1, 3, 64])
@torch.no_grad()
def test_evaluation_is_the_mean_over_tokens(model: Any, samples: list[Sample], batch_size: int) -> None:
    some = samples[:10]
    assert len({sample.trained_tokens for sample in some}) > 1  # else the mean of batches would do as well
    assert evaluate(model, some, batch_size).loss == pytest.approx(plain_mean(model, some), rel=1e-5)


@torch.no_grad()
def test_evaluation_with_every_token_learned(model: Any, samples: list[Sample]) -> None:
    some = learning_everything(samples[:6])
    assert evaluate(model, some, 4).loss == pytest.approx(plain_mean(model, some), rel=1e-5)


def test_evaluation_leaves_the_model_training(model: Any, samples: list[Sample]) -> None:
    model.train()
    evaluate(model, samples[:2], 2)
    assert model.training
    model.eval()


@pytest.mark.parametrize("all_logits", [False, True])
def test_training_loss_and_gradient(model: Any, samples: list[Sample], all_logits: bool) -> None:
    some = samples[:5]
    batch = Collator(model)(some)
    assert "logits_to_keep" in batch
    if all_logits:
        del batch["logits_to_keep"]
    labels = batch.pop("labels")
    weights = model.model.layers[0].mlp.up_proj.weight

    loss = training_loss(model(**batch), labels)
    (gradient,) = torch.autograd.grad(loss, weights)

    plain = torch.stack([loss for sample in some for loss in token_losses(model, sample)]).mean()
    (expected,) = torch.autograd.grad(plain, weights)
    assert float(loss) == pytest.approx(float(plain), rel=1e-5)
    torch.testing.assert_close(gradient, expected.float(), rtol=1e-3, atol=1e-7)


def test_only_positions_that_predict_something_get_logits(model: Any, samples: list[Sample]) -> None:
    batch = Collator(model)(samples[:5])
    labels = batch.pop("labels")
    logits = model(**batch).logits
    assert logits.shape[1] < labels.shape[1] / 2


@torch.no_grad()
def test_logits_of_trained_tokens_by_sample(model: Any, samples: list[Sample]) -> None:
    some = samples[:5]
    logits, targets, rows = trained_logits(model, Collator(model)(some))
    assert rows.tolist() == [row for row, sample in enumerate(some) for _ in range(sample.trained_tokens)]
    assert targets.tolist() == [label for sample in some for label in sample.labels if label != IGNORED_LABEL]
    found = -torch.log_softmax(logits.double(), -1).gather(1, targets[:, None])[:, 0]
    expected = torch.stack([loss for sample in some for loss in token_losses(model, sample)])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_an_adapter_changes_nothing_before_it_is_trained(small_model: Path, samples: list[Sample]) -> None:
    recipe = from_mapping({"base_model": "x", "adapter": "lora", "lora_target_linear": True}, "recipe.yaml")
    model = models.load(small_model, torch.float32)
    before = evaluate(model, samples[:4], 4).loss
    tuned = adapter.attach(model, recipe)
    assert evaluate(tuned, samples[:4], 4).loss == pytest.approx(before, rel=1e-6)
    assert "logits_to_keep" in Collator(tuned)(samples[:4])
