"""From a recipe's keys to numbers of steps: how long to train, when to evaluate, when to save."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintune_schemas.errors import LintuneError
from lintune_schemas.runs import STATE_FOLDER
from lintune_trainer.quantizations import QUANTIZATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def plan(recipe: Recipe, samples: int) -> Plan:
    """The plan for training on so many samples.

    Numbers as in Axolotl: `max_steps` wins over `num_epochs`; a fraction as eval_steps or save_steps is one
    of all steps; without a warm-up setting, 3 % of the steps but not over 100.
    """
    batches = math.ceil(samples / recipe.micro_batch_size)
    steps_per_epoch = max(math.ceil(batches / recipe.gradient_accumulation_steps), 1)
    total = recipe.max_steps or max(math.ceil(recipe.num_epochs * steps_per_epoch), 1)
    if recipe.warmup_steps is not None:
        warmup = recipe.warmup_steps
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


def _every(steps: float | None, per_epoch: int | None, total: int, steps_per_epoch: int) -> int | None:
    if steps:
        return math.ceil(steps * total) if steps < 1 else int(steps)
    return max(math.ceil(steps_per_epoch / per_epoch), 1) if per_epoch else None


def require_supported(recipe: Recipe) -> None:
    """Raise LintuneError when the recipe asks for something that the built-in trainer does not carry out."""
    if recipe.adapter is None:
        raise LintuneError(
            "The recipe names no adapter, which means training all weights: that is not built in yet. "
            "Set adapter: qlora with load_in_4bit: true, or adapter: lora."
        )
    if recipe.load_in_8bit:
        raise LintuneError("load_in_8bit is not built in. Set load_in_4bit: true instead, or neither.")
    _require("optimizer", recipe.optimizer, (*OPTIMIZERS, *GPU_OPTIMIZERS))
    _require("lr_scheduler", recipe.lr_scheduler, SCHEDULERS)
    for name in recipe.lintune.export.gguf:
        _require("lintune.export.gguf", name, tuple(QUANTIZATIONS))
    positive = {
        "sequence_len": recipe.sequence_len,
        "micro_batch_size": recipe.micro_batch_size,
        "gradient_accumulation_steps": recipe.gradient_accumulation_steps,
        "num_epochs": recipe.num_epochs,
        "lora_r": recipe.lora_r,
    }
    for key, value in positive.items():
        if value <= 0:
            raise LintuneError(f"{key}: {value} must be above 0.")


def optimizer(recipe: Recipe, device: str) -> str:
    """The recipe's optimizer, or the nearest one that runs without a GPU. device: as torch names it."""
    return OPTIMIZERS[0] if device == "cpu" and recipe.optimizer in GPU_OPTIMIZERS else recipe.optimizer


def remarks(recipe: Recipe, device: str) -> Iterator[str]:
    """What the recipe asks for and this training does otherwise, in sentences."""
    if recipe.adapter == "qlora" and not recipe.load_in_4bit:
        yield "adapter: qlora without load_in_4bit: true is plain LoRA; the base model is not quantized."
    if optimizer(recipe, device) != recipe.optimizer:
        yield f"optimizer: {recipe.optimizer} needs a GPU; {optimizer(recipe, device)} is used instead."
    if device == "cpu" and recipe.fp16:
        yield "fp16: true needs a GPU; bf16 or fp32 is used instead."
    if recipe.test_datasets and recipe.val_set_size:
        yield "val_set_size is not used: the recipe names test_datasets."
    if recipe.output_dir:
        yield f"output_dir is not used: all that a run writes is in {STATE_FOLDER}/runs beside the recipe."


def _require(key: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise LintuneError(f"{key}: {value} is not built in. Use one of: {', '.join(known)}.")
