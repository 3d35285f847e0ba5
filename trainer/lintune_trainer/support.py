"""What of a recipe a run carries out, and what it does otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas.errors import LintuneError
from lintune_schemas.plan import GPU_OPTIMIZERS, OPTIMIZERS, RL_METHODS, SCHEDULERS
from lintune_schemas.runs import STATE_FOLDER
from lintune_trainer.quantizations import QUANTIZATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.recipe import Recipe


def require_supported(recipe: Recipe) -> None:
    """Raise LintuneError when the recipe asks for something that its engine, or what follows it, does not carry out."""
    if recipe.adapter is None:
        raise LintuneError(
            "The recipe names no adapter, which means training all weights: that is not built in yet. "
            "Set adapter: qlora with load_in_4bit: true, or adapter: lora."
        )
    if recipe.lintune.backend != "axolotl":  # which knows more of these, and says itself what it does not
        if recipe.load_in_8bit:
            raise LintuneError("load_in_8bit is not built in. Set load_in_4bit: true instead, or neither.")
        _require("optimizer", recipe.optimizer, (*OPTIMIZERS, *GPU_OPTIMIZERS))
        _require("lr_scheduler", recipe.lr_scheduler, SCHEDULERS)
        if recipe.rl is not None:
            _require("rl", recipe.rl, RL_METHODS)
    for name in recipe.lintune.export.gguf:
        _require("lintune.export.gguf", name, tuple(QUANTIZATIONS))
    positive: dict[str, float] = {
        "sequence_len": recipe.sequence_len,
        "micro_batch_size": recipe.micro_batch_size,
        "gradient_accumulation_steps": recipe.gradient_accumulation_steps,
        "num_epochs": recipe.num_epochs,
        "lora_r": recipe.lora_r,
    }
    if recipe.rl is not None:
        given = {"rl_beta": recipe.rl_beta, "orpo_alpha": recipe.orpo_alpha}
        positive |= {key: value for key, value in given.items() if value is not None}
    for key, value in positive.items():
        if value <= 0:
            raise LintuneError(f"{key}: {value} must be above 0.")
    if not 0 <= (recipe.dpo_label_smoothing or 0) < 0.5:
        raise LintuneError(
            f"dpo_label_smoothing: {recipe.dpo_label_smoothing} must be at least 0 and below 0.5: it is the share of "
            "the pairs that are the wrong way round."
        )


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
    best = "early_stopping_patience" if recipe.early_stopping_patience else "load_best_model_at_end"
    if getattr(recipe, best) and not recipe.test_datasets and not recipe.val_set_size:
        yield f"{best} has no effect without samples to evaluate with: set val_set_size: 0.1."
    if recipe.test_datasets and recipe.val_set_size:
        yield "val_set_size is not used: the recipe names test_datasets."
    if recipe.rl and recipe.train_on_inputs:
        yield f"train_on_inputs is not used: rl: {recipe.rl} compares answers alone."
    if recipe.rl and recipe.sample_packing:
        yield "sample_packing is not used: the two answers of a pair are compared side by side."
    if recipe.dpo_label_smoothing and recipe.rl in ("ipo", "orpo"):
        yield f"dpo_label_smoothing is not used: it is for rl: dpo, not for {recipe.rl}."
    if recipe.output_dir:
        yield f"output_dir is not used: all that a run writes is in {STATE_FOLDER}/runs beside the recipe."


def _require(key: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise LintuneError(f"{key}: {value} is not built in. Use one of: {', '.join(known)}.")
