"""From a recipe's keys to numbers of steps: how long to train, when to evaluate, when to save.

The trainer goes by it, and what the linter says of a run before there is one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lintune_schemas.recipe import Recipe

OPTIMIZERS = ("adamw_torch_fused", "adamw_torch", "adafactor", "adagrad", "rmsprop", "sgd")
"""Those of transformers that run everywhere."""

GPU_OPTIMIZERS = (
    "adamw_bnb_8bit",
    "adamw_8bit",
    "ademamix",
    "ademamix_8bit",
    "lion_8bit",
    "lion_32bit",
    "paged_adamw_32bit",
    "paged_adamw_8bit",
    "paged_ademamix_32bit",
    "paged_ademamix_8bit",
    "paged_lion_32bit",
    "paged_lion_8bit",
    "rmsprop_bnb",
    "rmsprop_bnb_8bit",
    "rmsprop_bnb_32bit",
)
"""Those of bitsandbytes."""

SCHEDULERS = (
    "cosine",
    "linear",
    "constant",
    "constant_with_warmup",
    "cosine_with_restarts",
    "polynomial",
    "inverse_sqrt",
)
"""Learning-rate schedules of transformers that need no further settings."""

RL_METHODS = ("dpo", "ipo", "orpo")
"""Ways to learn from preference pairs."""

CHECKPOINTS_KEPT = 2
"""Without save_total_limit: the newest one may be broken by the crash that one wants to recover from."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All counts are optimizer steps."""

    steps_per_epoch: int
    total_steps: int
    warmup_steps: int
    eval_every: int | None
    """None: at the end of every epoch."""
    save_every: int | None
    """None: at the end of every epoch."""
    checkpoints_kept: int


def plan(recipe: Recipe, samples: int, processes: int | None = None) -> Plan:
    """The plan for training on so many samples.

    processes: how many train together, each on its own micro-batches; None for as many as the recipe says, else one.

    Numbers as in Axolotl: `max_steps` wins over `num_epochs`; a fraction as eval_steps, save_steps or warmup_steps is
    one of all steps; without a warm-up setting, 3 % of the steps but not over 100.
    """
    together = processes or recipe.lintune.processes or 1
    batches = math.ceil(samples / (recipe.micro_batch_size * together))
    steps_per_epoch = max(math.ceil(batches / recipe.gradient_accumulation_steps), 1)
    total = recipe.max_steps or max(math.ceil(recipe.num_epochs * steps_per_epoch), 1)
    if recipe.warmup_steps is not None:
        warmup = int(recipe.warmup_steps * total) if 0 < recipe.warmup_steps < 1 else int(recipe.warmup_steps)
    elif recipe.warmup_ratio is not None:
        warmup = int(recipe.warmup_ratio * total)
    else:
        warmup = min(int(0.03 * total), 100)
    return Plan(
        steps_per_epoch,
        total,
        warmup,
        _every(recipe.eval_steps, recipe.evals_per_epoch, total, steps_per_epoch),
        _every(recipe.save_steps, recipe.saves_per_epoch, total, steps_per_epoch),
        recipe.save_total_limit or CHECKPOINTS_KEPT,
    )


def rows(recipe: Recipe, samples: int, tokens: int | None) -> int:
    """How many rows batches are made of: one a sample, or with `sample_packing` about as many as the tokens fill."""
    if not recipe.sample_packing or recipe.rl is not None or tokens is None:
        return samples
    return min(max(math.ceil(tokens / recipe.sequence_len), 1), samples)


def _every(steps: float | None, per_epoch: int | None, total: int, steps_per_epoch: int) -> int | None:
    if steps:
        return math.ceil(steps * total) if steps < 1 else int(steps)
    return max(math.ceil(steps_per_epoch / per_epoch), 1) if per_epoch else None
