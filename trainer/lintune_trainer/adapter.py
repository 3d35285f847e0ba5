"""The LoRA adapter: from the recipe's keys to a model whose adapter alone is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from peft import LoraConfig, PeftModel, get_peft_model, load_peft_weights, set_peft_model_state_dict
from transformers import set_seed

from lintune_schemas import atomic
from lintune_schemas.errors import LintuneError

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_schemas.recipe import Recipe


def attach(model: Any, recipe: Recipe, warm: Path | None = None) -> Any:
    """A PEFT model around `model`, whose own weights are frozen.

    warm: the folder of an adapter of the same kind to begin with. Raises LintuneError for target modules that the
    model does not have.
    """
    set_seed(recipe.seed)  # the adapter starts from random numbers, before the Trainer sets the seed itself
    if warm is not None:
        return load(model, warm, trainable=True)
    config = LoraConfig(
        r=recipe.lora_r,
        lora_alpha=recipe.lora_alpha,
        lora_dropout=recipe.lora_dropout,
        # Both given: in Axolotl, too, all linear layers win.
        target_modules="all-linear" if recipe.lora_target_linear else recipe.lora_target_modules,
        use_rslora=recipe.peft_use_rslora,
        task_type="CAUSAL_LM",
    )
    try:
        return get_peft_model(model, config)
    except ValueError as error:
        raise LintuneError(
            f"lora_target_modules does not fit this model ({error}). Set lora_target_linear: true instead."
        ) from error


def load(model: Any, folder: Path, *, trainable: bool = False) -> Any:
    """A PEFT model of `model` with the adapter in a folder. Raises LintuneError when the two do not go together."""
    try:
        return PeftModel.from_pretrained(model, folder, is_trainable=trainable)
    except (ValueError, RuntimeError, KeyError) as error:
        raise LintuneError(f"The adapter in {folder} does not fit the base model ({error}). Train again.") from error


def restore(model: Any, folder: Path) -> None:
    """Give a PEFT model the adapter weights in a folder, such as a checkpoint, in place of those that it has."""
    set_peft_model_state_dict(model, load_peft_weights(str(folder), device=str(model.device)))


def save(model: Any, folder: Path) -> None:
    """Write the adapter alone, as PEFT reads it. Raises OSError, safetensors' error."""
    with atomic.new_folder(folder) as partial:
        model.save_pretrained(partial)
        (partial / "README.md").unlink(missing_ok=True)  # a form with nothing filled in
