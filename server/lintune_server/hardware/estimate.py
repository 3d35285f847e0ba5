"""What a training takes: samples, tokens, steps, time and memory, before it is started."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintune_schemas import plan
from lintune_server.hardware import memory, speed

if TYPE_CHECKING:
    from lintune_schemas.model_facts import ModelFacts
    from lintune_schemas.recipe import Recipe
    from lintune_server.hardware.machine import Machine
    from lintune_server.hardware.memory import MemoryEstimate
    from lintune_server.hardware.speed import Seconds
    from lintune_server.lint.recipe_data import RecipeData


@dataclass(frozen=True, slots=True)
class Estimate:
    """Whatever is not known is None."""

    samples: int | None
    """That an epoch trains on."""
    evaluation_samples: int | None
    tokens: int | None
    """That the whole training reads, padding aside."""
    trained_tokens: int | None
    """Those of them that are learned."""
    steps: int | None
    """Of the optimizer."""
    epochs: float | None
    """How often each sample is seen."""
    seconds: Seconds | None
    """From the first step to the last; loading and exporting come on top."""
    memory: MemoryEstimate | None
    """Without data, as if a sample were as long as `sequence_len`."""


def estimate(recipe: Recipe, facts: ModelFacts | None, data: RecipeData | None, machine: Machine) -> Estimate:
    """What is known here of a training. Takes well under a millisecond."""
    if not memory.makes_sense(recipe):
        return Estimate(None, None, None, None, None, None, None, None)
    batch = memory.largest_batch(recipe, data)
    needed = memory.estimate(recipe, facts, machine, batch) if facts else None
    if data is None or not data.training_samples:
        return Estimate(None, None, None, None, recipe.max_steps, None, None, needed)
    samples = data.training_samples
    steps = plan.plan(recipe, plan.rows(recipe, samples, data.tokens))
    # The last step of an epoch may have fewer batches; of several epochs the last may be a part.
    epochs = steps.total_steps / steps.steps_per_epoch if recipe.max_steps else recipe.num_epochs
    tokens = None if data.tokens is None else round(data.tokens * epochs)
    trained = None if data.trained_tokens is None else round(data.trained_tokens * epochs)
    seconds = None
    if facts and tokens is not None and data.tokens is not None:
        evaluations = _evaluations(steps) * (data.evaluation_samples or 0)
        read = round(evaluations * data.tokens / samples)
        seconds = speed.seconds(recipe, facts, machine, tokens, read, trained or tokens)
    return Estimate(samples, data.evaluation_samples, tokens, trained, steps.total_steps, epochs, seconds, needed)


def _evaluations(steps: plan.Plan) -> int:
    """How often the evaluation set is read: before, after, and on the way; the last step's own is the one after."""
    every = max(steps.eval_every or steps.steps_per_epoch, 1)
    return 2 + max(math.ceil(steps.total_steps / every) - 1, 0)
