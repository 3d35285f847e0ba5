"""What to change so that a training fits, and which models fit at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from lintune_schemas.processor import Processor
from lintune_schemas.recipe import Recipe
from lintune_server.hardware import memory
from lintune_server.hardware.machine import GIB, Device, Machine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.model_facts import ModelFacts
    from lintune_server.hardware.memory import MemoryEstimate
    from lintune_server.lint.recipe_data import RecipeData

SIZES = (8, 16, 24)
"""GB of GPU memory that most people have who have a GPU."""

_LARGEST = 4096
"""Samples: no larger batch is thought about."""
_SHORTEST = 256
"""Tokens: with less in a sample, hardly a conversation fits."""


@dataclass(frozen=True, slots=True)
class Change:
    key: str
    value: str
    """As it is written in YAML."""


@dataclass(frozen=True, slots=True)
class Changes:
    all: tuple[Change, ...]
    same_training: bool
    """Whether the model learns the same from the same samples, only in smaller pieces or with more computing."""


def judged(recipe: Recipe) -> bool:
    """Whether the built-in trainer would train it, and its numbers are such that there is anything to estimate."""
    return recipe.adapter is not None and not recipe.load_in_8bit and memory.makes_sense(recipe)


def nearest(recipe: Recipe, facts: ModelFacts, machine: Machine, data: RecipeData | None) -> Changes | None:
    """The changes, in the order of how little they change, with which the training fits. None: none do."""
    room = machine.room
    for changed, same in _variants(recipe):
        found = memory.estimate(changed, facts, machine, memory.largest_batch(changed, data))
        if found is not None and room is not None and found.peak <= room:
            return Changes(tuple(_changes(recipe, changed)), same)
    return None


def _variants(recipe: Recipe) -> Iterator[tuple[Recipe, bool]]:
    """Recipes that take less and less, each with whether it is the same training."""
    checkpointed = msgspec.structs.replace(recipe, gradient_checkpointing=True)
    smaller = list(_smaller_batches(recipe))
    yield from ((one, True) for one in smaller)
    if not recipe.gradient_checkpointing:
        yield from ((one, True) for one in (checkpointed, *_smaller_batches(checkpointed)))
    least = [*_smaller_batches(checkpointed), checkpointed][-1]
    if recipe.adapter is not None and not recipe.load_in_4bit and not recipe.load_in_8bit:
        for base in (recipe, *smaller, checkpointed, *_smaller_batches(checkpointed)):
            yield msgspec.structs.replace(base, adapter="qlora", load_in_4bit=True), False
        least = msgspec.structs.replace(least, adapter="qlora", load_in_4bit=True)
    length = recipe.sequence_len // 2
    while length >= _SHORTEST:
        yield msgspec.structs.replace(least, sequence_len=length), False
        length //= 2


_LARGEST_BATCH = 1 << 12
"""Samples at once. No device holds more, and somebody's slip of the hand must not be divided for half a minute."""


def _smaller_batches(recipe: Recipe) -> Iterator[Recipe]:
    """With more of them accumulated, so that each step of the optimizer sees as many samples."""
    whole, accumulated = recipe.micro_batch_size, recipe.gradient_accumulation_steps
    for size in range(min(whole - 1, _LARGEST_BATCH), 0, -1):
        if whole % size == 0:
            more = accumulated * (whole // size)
            yield msgspec.structs.replace(recipe, micro_batch_size=size, gradient_accumulation_steps=more)


_KEYS = (
    "micro_batch_size",
    "gradient_accumulation_steps",
    "gradient_checkpointing",
    "adapter",
    "load_in_4bit",
    "sequence_len",
)


def _changes(before: Recipe, after: Recipe) -> Iterator[Change]:
    for key in _KEYS:
        value = getattr(after, key)
        if value != getattr(before, key):
            yield Change(key, str(value).lower() if isinstance(value, bool) else str(value))


USUAL = Recipe(
    base_model="",
    adapter="qlora",
    load_in_4bit=True,
    lora_target_linear=True,
    sequence_len=1024,
    micro_batch_size=1,
    gradient_checkpointing=True,
)
"""With what a model must be trainable to be said to fit: QLoRA on all linear layers, samples of 1,024 tokens."""


def gpu(gigabytes: int) -> Machine:
    """A machine whose GPU has so many GB and computes in bf16, as those of the last generations do."""
    device = Device("nvidia", f"{gigabytes} GB GPU", gigabytes * GIB, capability=(8, 6))
    return Machine("Linux", "x86_64", Processor("CPU", 4), 2 * gigabytes * GIB, devices=(device,))


def needed(facts: ModelFacts, machine: Machine, recipe: Recipe = USUAL) -> MemoryEstimate | None:
    """The memory that training a model takes, by a recipe whose own base_model is not looked at. None for a model
    whose shapes are not known."""
    return memory.estimate(recipe, facts, machine, memory.largest_batch(recipe, None))


def fits(facts: ModelFacts, machine: Machine, recipe: Recipe = USUAL) -> bool:
    """Whether a model can be trained on a machine by a recipe."""
    found = needed(facts, machine, recipe)
    return found is not None and machine.room is not None and found.peak <= machine.room
