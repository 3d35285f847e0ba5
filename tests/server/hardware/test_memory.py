"""The memory model: its parts against sums by hand, and how it behaves when a recipe changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from lintune_schemas.recipe import Recipe
from lintune_schemas.starter_models import STARTERS, by_name
from lintune_server.hardware import disk, fitting, memory
from lintune_server.hardware.activations import Batch
from lintune_server.hardware.machine import Machine
from lintune_server.lint.recipe_data import RecipeData

if TYPE_CHECKING:
    from lintune_server.hardware.memory import MemoryEstimate

MACHINES = Path(__file__).parents[1] / "rules" / "machines"
QWEN = by_name("Qwen/Qwen2.5-1.5B-Instruct")
assert QWEN is not None
QLORA = Recipe(base_model="x", adapter="qlora", load_in_4bit=True, lora_target_linear=True, micro_batch_size=2)


def machine(name: str) -> Machine:
    return msgspec.json.decode((MACHINES / f"{name}.json").read_bytes(), type=Machine)


def estimate(recipe: Recipe = QLORA, on: str = "rtx4090", batch: Batch | None = None) -> MemoryEstimate:
    assert QWEN is not None
    found = memory.estimate(recipe, QWEN.facts, machine(on), batch or memory.largest_batch(recipe, None))
    assert found is not None
    return found


def but(**values: object) -> Recipe:
    return msgspec.structs.replace(QLORA, **values)


def test_weights_by_hand():
    linear = 28 * (1536 * 1536 * 2 + 1536 * 256 * 2 + 1536 * 8960 * 3)
    rest = 1_543_714_304 - linear
    assert estimate().weights == pytest.approx(linear * 4.127 / 8 + 2 * rest, rel=1e-4)
    assert estimate(but(load_in_4bit=False)).weights == 2 * 1_543_714_304
    assert estimate(but(load_in_4bit=False, bf16=False)).weights == 4 * 1_543_714_304
    assert estimate(but(load_in_4bit=False), on="laptop").weights == 4 * 1_543_714_304  # slow in bf16


def test_the_adapter_and_what_trains_it():
    trained = 28 * 16 * (2 * (1536 + 1536) + 2 * (1536 + 256) + 3 * (1536 + 8960))
    found = estimate()
    assert (found.adapter, found.gradients, found.optimizer) == (4 * trained, 4 * trained, 8 * trained)
    assert estimate(but(lora_r=32)).adapter == 2 * found.adapter
    assert estimate(but(optimizer="adamw_8bit")).optimizer == pytest.approx(2 * trained, rel=0.02)
    assert estimate(but(optimizer="paged_adamw_32bit")).optimizer == 8 * trained
    assert estimate(but(optimizer="sgd")).optimizer == 0
    assert estimate(but(optimizer="adamw_8bit"), on="laptop").optimizer == 8 * trained  # which only GPUs have


def test_4_bit_weights_are_kept_whole_on_a_cpu_with_room():
    for available, whole in ((64 << 30, True), (1 << 30, False)):
        on = replace(machine("small"), available=available)
        assert QWEN is not None
        found = memory.estimate(QLORA, QWEN.facts, on, Batch(2, 512, 512))
        in_bf16 = memory.estimate(but(load_in_4bit=False), QWEN.facts, on, Batch(2, 512, 512))
        assert found is not None
        assert in_bf16 is not None
        assert (found.weights == in_bf16.weights) == whole


def test_logits_only_where_something_is_predicted():
    assert estimate(batch=Batch(2, 512, 100)).logits == 12 * 151_936 * 2 * 100
    on_cpu = estimate(batch=Batch(2, 512, 100), on="small").logits
    assert on_cpu == 2 * 2 * 151_936 * 2 * 100 + 32 * 2**20  # logits and gradient in bf16, and a piece in fp32
    assert estimate(but(rl="dpo"), on="small", batch=Batch(2, 512, 100)).logits == 12 * 151_936 * 2 * 100
    data = RecipeData(100, 0, 20_000, 5_000, 300, 290, most_trained=80, shortest_prompt=120)
    assert memory.largest_batch(QLORA, data) == Batch(2, 300, 180)
    assert memory.largest_batch(but(micro_batch_size=1), data) == Batch(1, 300, 80)
    assert memory.largest_batch(but(sequence_len=200), data) == Batch(2, 200, 80)
    assert memory.largest_batch(but(micro_batch_size=200), data).samples == 100
    assert memory.largest_batch(QLORA, None) == Batch(2, 512, 512)


def test_both_sides_of_a_pair_count():
    data = RecipeData(3, 0, 20_000, 5_000, 300, 290, most_trained=80, shortest_prompt=120)
    assert memory.largest_batch(but(rl="dpo", micro_batch_size=1), data) == Batch(2, 300, 180)
    assert memory.largest_batch(but(rl="dpo", micro_batch_size=8), data).samples == 6
    assert memory.largest_batch(but(rl="orpo"), None) == Batch(4, 512, 512)


@pytest.mark.parametrize("on", ["rtx4090", "t4", "laptop", "small"])
def test_more_takes_more(on: str):
    least = estimate(on=on).peak
    for more in ({"micro_batch_size": 4}, {"sequence_len": 1024}, {"lora_r": 256}, {"load_in_4bit": False}):
        assert estimate(but(**more), on=on).peak > least
    assert estimate(but(gradient_checkpointing=True), on=on).peak < least


def test_parts_add_up():
    for on in ("rtx4090", "small"):
        for recipe in (QLORA, but(gradient_checkpointing=True), but(micro_batch_size=16)):
            found = estimate(recipe, on)
            assert sum(found.parts.values()) == found.training


def test_a_model_of_which_the_shapes_are_not_known():
    assert QWEN is not None
    for facts in (replace(QWEN.facts, linear_modules={}), replace(QWEN.facts, parameters=10 * QWEN.parameters)):
        assert memory.estimate(QLORA, facts, machine("small"), Batch(1, 8, 8)) is None


@pytest.mark.parametrize("starter", STARTERS, ids=lambda starter: starter.id)
def test_every_starter_can_be_estimated(starter):
    assert fitting.needed(starter.facts, fitting.gpu(24)) is not None
    assert disk.written(QLORA, starter.facts) is not None


def test_what_fits_where():
    """By what their makers and users report of QLoRA: 7 billion parameters do not fit into 8 GB, but into 16."""
    sizes = {
        starter.id: [size for size in fitting.SIZES if fitting.fits(starter.facts, fitting.gpu(size))]
        for starter in STARTERS
    }
    assert sizes["HuggingFaceTB/SmolLM2-135M-Instruct"] == [8, 16, 24]
    assert sizes["Qwen/Qwen2.5-3B-Instruct"] == [8, 16, 24]
    assert sizes["Qwen/Qwen2.5-7B-Instruct"] == [16, 24]


def test_the_nearest_setting_that_fits():
    assert QWEN is not None
    found = fitting.nearest(but(micro_batch_size=6, sequence_len=1024), QWEN.facts, machine("rtx3070"), None)
    assert found is not None
    assert {change.key for change in found.all} == {"micro_batch_size", "gradient_accumulation_steps"}
    assert found.same_training
    before = {"micro_batch_size": 6, "gradient_accumulation_steps": 1}
    after = before | {change.key: int(change.value) for change in found.all}
    assert after["micro_batch_size"] * after["gradient_accumulation_steps"] == 6
    large = by_name("google/gemma-2-9b-it")
    assert large is not None
    assert fitting.nearest(but(load_in_4bit=False), large.facts, machine("small"), None) is None
