"""The LoRA adapter: from the recipe's keys to a model whose adapter alone is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bitsandbytes.nn import Linear4bit
from peft import LoraConfig, PeftModel, get_peft_model, load_peft_weights, set_peft_model_state_dict
from transformers import set_seed

from lintune_schemas import atomic
from lintune_schemas.errors import LintuneError

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_schemas.recipe import Recipe


def attach(model: Any, recipe: Recipe, warm: Path | None = None) -> Any:
    """A PEFT model around `model`, whose own weights are frozen.

    warm: the folder of an adapter of the same kind to begin with. Raises LintuneError for modules that the model does
    not have, or that cannot be trained.
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
        use_dora=recipe.peft_use_dora,
        modules_to_save=_trained_whole(model, recipe.lora_modules_to_save),
        # Many models have one matrix for embedding and head: trained whole, it stays one, also where it is merged.
        ensure_weight_tying=bool(recipe.lora_modules_to_save) and _has_one_matrix(model),
        task_type="CAUSAL_LM",
    )
    try:
        return get_peft_model(model, config)
    except ValueError as error:
        raise LintuneError(
            f"lora_target_modules does not fit this model ({error}). Set lora_target_linear: true instead."
        ) from error


def _trained_whole(model: Any, names: list[str] | None) -> list[str] | None:
    """`lora_modules_to_save`, of which PEFT passes over in silence what the model does not have."""
    if not names:
        return None
    parts = dict(model.named_modules())
    for name in names:
        found = [part for path, part in parts.items() if path == name or path.endswith(f".{name}")]
        if not found:
            known = sorted({path.rsplit(".", 1)[-1] for path, part in parts.items() if _can_be_whole(part)})
            raise LintuneError(
                f"lora_modules_to_save: {name} is no part of this model. Trained whole can be: {', '.join(known)}."
            )
        if not all(map(_can_be_whole, found)):
            raise LintuneError(
                f"lora_modules_to_save: {name} cannot be trained whole, since it has no weights of its own, or is in 4 "
                "bits. Leave it out, or take out load_in_4bit if it is one layer."
            )
    return list(names)  # PEFT adds to it


def _can_be_whole(part: Any) -> bool:
    return any(True for _ in part.parameters(recurse=False)) and not isinstance(part, Linear4bit)


def _has_one_matrix(model: Any) -> bool:
    return bool(model.config.get_text_config().tie_word_embeddings)


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
