"""Which samples go together, in which order, and that samples in one row are as if each were alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from lintune_schemas.chat import IGNORED_LABEL
from lintune_schemas.errors import LintuneError
from lintune_schemas.recipe import Recipe
from lintune_trainer import attention, batches, models
from lintune_trainer.batches import Collator, LengthGrouped, Pack, pack, samples_of
from lintune_trainer.data import Sample
from lintune_trainer.device import Device
from lintune_trainer.loss import training_loss

CPU = Device("cpu", "CPU", torch.float32)
MakeRecipe = Callable[..., Recipe]

SHAPE: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "vocab_size": 49152,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "llama": {},
    "qwen2": {},
    "qwen3": {},
    "phi3": {},
    "phi": {},
    "gemma3_text": {"sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"]},
}


def loss_and_gradient(model: Any, batch: dict[str, torch.Tensor]) -> tuple[float, torch.Tensor]:
    inputs = dict(batch)
    labels = inputs.pop("labels")
    loss = training_loss(model(**inputs), labels)
    (gradient,) = torch.autograd.grad(loss, model.get_input_embeddings().weight)
    return float(loss), gradient


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_samples_in_a_row_are_as_padded_ones(architecture: str, samples: list[Sample]) -> None:
    torch.manual_seed(0)
    config = AutoConfig.for_model(architecture, **SHAPE, **ARCHITECTURES[architecture])
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="sdpa")
    some = samples[:5]
    padded = Collator(model)(some)
    assert padded["input_ids"].shape[0] == 5
    expected_loss, expected = loss_and_gradient(model, padded)
    attention.choose(model, None)
    in_a_row = Collator(model)(some)
    assert in_a_row["input_ids"].shape == (1, sum(len(sample.ids) for sample in some))
    loss, gradient = loss_and_gradient(model, in_a_row)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    torch.testing.assert_close(gradient, expected, rtol=1e-3, atol=1e-6)
    again, _ = loss_and_gradient(model, Collator(model, padded=True)(some))
    assert again == pytest.approx(expected_loss, rel=1e-5)


def test_a_window_holds_without_padding(samples: list[Sample]) -> None:
    torch.manual_seed(0)
    config = AutoConfig.for_model("gemma3_text", **SHAPE, **ARCHITECTURES["gemma3_text"])
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="sdpa").eval()
    ids = torch.tensor([samples[0].ids])
    expected = model(input_ids=ids).logits
    attention.choose(model, None)
    for mask in (None, torch.ones_like(ids)):
        torch.testing.assert_close(model(input_ids=ids, attention_mask=mask).logits, expected, rtol=1e-4, atol=1e-5)


def test_long_samples_go_through_another_kernel(small_model: Path, samples: list[Sample], recipe: MakeRecipe) -> None:
    long = samples_of([_joined(samples[:8]), *samples[8:10]])
    assert len(long[0].ids) > attention._SHORT > len(long[1].ids)
    model = models.load_for_training(small_model, recipe(), CPU)
    loss, gradient = loss_and_gradient(model, Collator(model)(long))
    expected_loss, expected = loss_and_gradient(model, Collator(model, padded=True)(long))
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    torch.testing.assert_close(gradient, expected, rtol=1e-3, atol=1e-6)


def _joined(some: list[Sample]) -> Sample:
    first = some[0]
    ids = tuple(token for sample in some for token in sample.ids)
    return Sample(first.path, first.line, first.conversation, ids, ids)


@pytest.mark.parametrize("wanted", ["eager", "sdpa", None])
def test_packs_keep_samples_apart(
    small_model: Path, samples: list[Sample], recipe: MakeRecipe, wanted: str | None
) -> None:
    model = models.load_for_training(small_model, recipe(attn_implementation=wanted), CPU)
    packs = pack(samples[:6], 128, 0)
    assert len(packs) < 6
    loss, gradient = loss_and_gradient(model, Collator(model)(packs))
    expected_loss, expected = loss_and_gradient(model, Collator(model)(samples[:6]))
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    torch.testing.assert_close(gradient, expected, rtol=1e-3, atol=1e-6)


def test_labels_in_a_row_never_cross_samples(small_model: Path, samples: list[Sample], recipe: MakeRecipe) -> None:
    model = models.load_for_training(small_model, recipe(), CPU)
    first = samples[0]
    everything = [Sample(first.path, 1, first.conversation, sample.ids, sample.ids) for sample in samples[:3]]
    labels = Collator(model)(everything)["labels"][0]
    starts = torch.tensor([0, *(len(sample.ids) for sample in everything[:-1])]).cumsum(0)
    assert (labels[starts] == IGNORED_LABEL).all()
    assert int((labels != IGNORED_LABEL).sum()) == sum(len(sample.ids) - 1 for sample in everything)


def test_packs_hold_each_sample_once_and_little_air(samples: list[Sample]) -> None:
    packs = pack(samples, 128, 7)
    assert sorted(id(sample) for sample in samples_of(packs)) == sorted(map(id, samples))
    assert max(one.tokens for one in packs) <= 128
    fewest = -(-sum(len(sample.ids) for sample in samples) // 128)
    assert len(packs) <= -(-fewest * 11 // 9) + 1
    assert pack(samples, 128, 7) == packs
    assert pack(samples, 128, 8) != packs


def test_a_recipe_decides_whether_samples_are_packed(samples: list[Sample], recipe: MakeRecipe) -> None:
    assert batches.rows(samples, recipe()) is samples
    assert isinstance(batches.rows(samples, recipe(sample_packing=True))[0], Pack)


def test_batches_of_like_length(samples: list[Sample]) -> None:
    def batches_of(epoch: int, seed: int = 1) -> list[list[int]]:
        sampler = LengthGrouped(samples[:31], 4, seed)
        sampler.set_epoch(epoch)
        order = list(sampler)
        assert sorted(order) == list(range(31))
        return [order[start : start + 4] for start in range(0, 31, 4)]

    def air(groups: list[list[int]]) -> int:
        lengths = [[len(samples[index].ids) for index in group] for group in groups]
        return sum(max(group) * len(group) - sum(group) for group in lengths)

    first = batches_of(0)
    assert air(first) < air([list(range(start, min(start + 4, 31))) for start in range(0, 31, 4)]) / 2
    assert batches_of(0) == first
    assert batches_of(1) != first
    assert batches_of(0, seed=2) != first
    assert [len(group) for group in first] == [4] * 7 + [3]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("flash_attention_2", "cannot be used here .*Take the key out"),
        ("kernels-community/flash-attn", "is not built in. Use one of: eager, sdpa"),
    ],
)
def test_attention_that_is_not_there(small_model: Path, recipe: MakeRecipe, wanted: str, message: str) -> None:
    with pytest.raises(LintuneError, match=f"attn_implementation: {wanted} {message}"):
        models.load_for_training(small_model, recipe(attn_implementation=wanted), CPU)


def test_models_that_cap_their_scores_keep_their_own_attention() -> None:
    config = AutoConfig.for_model("gemma2", **SHAPE)
    model = AutoModelForCausalLM.from_config(config)
    before = model.config._attn_implementation
    attention.choose(model, None)
    assert model.config._attn_implementation == before
    assert not attention.takes_samples_in_a_row(model)
