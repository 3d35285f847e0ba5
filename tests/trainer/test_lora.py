"""LoRA layers that compute in one step, against PEFT's own and against a product written out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lintune_schemas.recipe import Recipe
from lintune_trainer import adapter, lora, models
from lintune_trainer.batches import Collator
from lintune_trainer.data import Sample
from lintune_trainer.device import Device
from lintune_trainer.evaluation import evaluate
from lintune_trainer.loss import training_loss

pytestmark = pytest.mark.long

FP32 = Device("cpu", "CPU", torch.float32)
MakeRecipe = Callable[..., Recipe]


def tuned(folder: Path, recipe: Recipe, device: Device = FP32) -> Any:
    """A model with an adapter that changes something, as it does once it has been trained."""
    model = adapter.attach(models.load_for_training(folder, recipe, device), recipe).train()
    torch.manual_seed(1)
    for name, weights in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.02)
    return model


def gradients(model: Any, samples: list[Sample]) -> tuple[float, dict[str, torch.Tensor]]:
    batch = Collator(model)(samples)
    labels = batch.pop("labels")
    model.zero_grad()
    torch.manual_seed(2)  # of dropout
    loss = training_loss(model(**batch), labels)
    loss.backward()
    return float(loss), {name: value.grad.clone() for name, value in model.named_parameters() if value.requires_grad}


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("words", [{"load_in_4bit": True}, {}, {"lora_dropout": 0.3}, {"peft_use_rslora": True}])
def test_loss_and_gradients_are_those_of_peft(
    small_model: Path,
    samples: list[Sample],
    recipe: MakeRecipe,
    monkeypatch: pytest.MonkeyPatch,
    words: dict[str, Any],
    whole: bool,
) -> None:
    if not whole:
        monkeypatch.setattr(models, "WHOLE_WEIGHTS_SHARE", 0.0)
    model = tuned(small_model, recipe(lora_target_linear=True, lora_alpha=64, **words))
    expected_loss, expected = gradients(model, samples[:4])
    lora.join(model)
    loss, found = gradients(model, samples[:4])
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    for name, gradient in expected.items():
        assert gradient.abs().max() > 0
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-6)


def test_in_bf16_it_is_as_near_to_the_exact_gradient_as_peft(
    small_model: Path, samples: list[Sample], recipe: MakeRecipe
) -> None:
    asked = recipe(lora_target_linear=True, load_in_4bit=True)
    _, exact = gradients(tuned(small_model, asked), samples[:4])
    model = tuned(small_model, asked, Device("cpu", "CPU", torch.bfloat16))

    def off(found: dict[str, torch.Tensor]) -> float:
        parts = [(found[name] - gradient).norm() / gradient.norm() for name, gradient in exact.items()]
        return float(torch.stack(parts).mean())

    by_peft = off(gradients(model, samples[:4])[1])
    lora.join(model)
    assert 0 < off(gradients(model, samples[:4])[1]) < 1.3 * by_peft < 0.2


def test_4_bit_weights_are_the_same_kept_whole(
    small_model: Path, samples: list[Sample], recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = recipe(lora_target_linear=True, load_in_4bit=True)
    whole = models.load_for_training(small_model, asked, FP32)
    monkeypatch.setattr(models, "WHOLE_WEIGHTS_SHARE", 0.0)
    packed = models.load_for_training(small_model, asked, FP32)
    plain = models.load(small_model, torch.float32)
    assert type(whole.model.layers[0].mlp.up_proj) is torch.nn.Linear
    assert type(packed.model.layers[0].mlp.up_proj) is not torch.nn.Linear
    assert evaluate(whole, samples[:4], 4).loss == pytest.approx(evaluate(packed, samples[:4], 4).loss, rel=1e-6)
    assert evaluate(whole, samples[:4], 4).loss != pytest.approx(evaluate(plain, samples[:4], 4).loss, rel=1e-5)


def test_an_adapter_that_is_off_or_merged_is_pefts_affair(
    small_model: Path, samples: list[Sample], recipe: MakeRecipe
) -> None:
    asked = recipe(lora_target_linear=True)
    before = evaluate(models.load_for_training(small_model, asked, FP32), samples[:4], 4).loss
    model = tuned(small_model, asked)
    lora.join(model)
    after = evaluate(model, samples[:4], 4).loss
    assert after != pytest.approx(before, rel=1e-4)
    with model.disable_adapter():
        assert evaluate(model, samples[:4], 4).loss == pytest.approx(before, rel=1e-6)
    model.merge_adapter()
    assert evaluate(model, samples[:4], 4).loss == pytest.approx(after, rel=1e-5)
