"""What a training takes, in steps and time; and amounts in words."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from lintune_schemas.processor import Processor
from lintune_schemas.recipe import Recipe
from lintune_schemas.starter_models import by_name
from lintune_server.hardware import installed, speed, words
from lintune_server.hardware.estimate import estimate
from lintune_server.hardware.fitting import gpu
from lintune_server.hardware.machine import GIB, Machine
from lintune_server.lint.recipe_data import RecipeData

RECIPE = Recipe(base_model="x", adapter="qlora", load_in_4bit=True, lora_target_linear=True, micro_batch_size=4)
DATA = RecipeData(100, 10, 20_000, 5_000, 300, 290, 80, 120)
LAPTOP = Machine("Linux", "x86_64", Processor("CPU", 4, frozenset({"avx2"})), 16 * GIB)
SMOL = by_name("smollm2-135m-instruct")
assert SMOL is not None
FACTS = SMOL.facts


def test_steps_epochs_and_tokens():
    found = estimate(msgspec.structs.replace(RECIPE, num_epochs=2.5), FACTS, DATA, LAPTOP)
    assert (found.samples, found.evaluation_samples, found.steps, found.epochs) == (100, 10, 63, 2.5)
    assert (found.tokens, found.trained_tokens) == (50_000, 12_500)
    found = estimate(msgspec.structs.replace(RECIPE, max_steps=50), FACTS, DATA, LAPTOP)
    assert (found.steps, found.epochs, found.tokens) == (50, 2.0, 40_000)


def test_what_is_not_known_is_none():
    found = estimate(RECIPE, None, None, LAPTOP)
    assert found.memory is found.seconds is found.steps is found.tokens is None
    found = estimate(RECIPE, FACTS, None, LAPTOP)
    assert found.memory is not None
    assert found.seconds is None
    found = estimate(RECIPE, FACTS, RecipeData(100, 0, None, None, None, None), LAPTOP)
    assert (found.steps, found.tokens, found.seconds) == (25, None, None)
    assert estimate(RECIPE, FACTS, RecipeData(0, 0, 0, 0, None, None), LAPTOP).steps is None


def test_the_speed_that_was_measured():
    """220 tokens a second: QLoRA of SmolLM2-135M on two cores with AVX-512, as `benchmarks/memory.py` prints it."""
    server = replace(LAPTOP, processor=Processor("EPYC", 2, frozenset({"avx512bw", "avx512vl", "avx512dq"})))
    found = speed.seconds(RECIPE, FACTS, server, 22_000, 0, 11_000)
    assert found is not None
    assert found.least < 100 < found.most
    assert found.likely == pytest.approx(100, rel=0.25)


def test_time_follows_work_and_machine():
    def likely(recipe: Recipe, machine: Machine) -> float:
        found = speed.seconds(recipe, FACTS, machine, 100_000, 0, 50_000)
        assert found is not None
        return found.likely

    checkpointed = msgspec.structs.replace(RECIPE, gradient_checkpointing=True)
    assert likely(RECIPE, LAPTOP) < likely(checkpointed, LAPTOP) < 1.5 * likely(RECIPE, LAPTOP)
    more = replace(LAPTOP, processor=replace(LAPTOP.processor, cores=8))
    assert likely(RECIPE, more) == pytest.approx(likely(RECIPE, LAPTOP) / 2)
    fast = replace(gpu(24), devices=(replace(gpu(24).devices[0], tera_operations=70.0),))
    assert likely(RECIPE, fast) < likely(RECIPE, LAPTOP) / 20
    assert speed.seconds(RECIPE, FACTS, gpu(24), 1000, 0, 1000) is None  # a GPU of unknown speed


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (88.4, "88 seconds"),
        (95, "1.6 minutes"),
        (3600, "60 minutes"),
        (7200, "2 hours"),
        (50_000, "14 hours"),
        (1e6, "12 days"),
    ],
)
def test_times_in_words(seconds: float, text: str):
    assert words.time(seconds) == text


def test_spans_and_sizes_in_words():
    assert words.span(7200, 28_800) == "2 to 8 hours"
    assert words.span(60, 28_800) == "60 seconds to 8 hours"
    assert [words.size(count) for count in (0, 5 << 20, GIB, 23 * GIB // 2)] == ["0 MB", "5 MB", "1.0 GB", "12 GB"]


def test_the_extras_of_this_installation():
    found = {extra.name: extra for extra in installed.extras()}
    assert found.keys() == installed.EXTRAS.keys()
    assert "torch" in {package.name for package in found["train"].packages}
    assert found["serve"].command == "pip install 'lintune[serve]'"
    for extra in found.values():
        assert all(package.fits <= (package.version is not None) for package in extra.packages)
