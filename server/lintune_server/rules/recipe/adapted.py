"""What of a model a recipe trains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lintune_schemas.model_facts import ModelFacts

_INPUT = ("embed_tokens", "embed_in", "wte", "word_embeddings")
_OUTPUT = ("lm_head", "embed_out", "output")
_LOW_RANK = ("lora", "qlora")


def is_low_rank(values: dict[str, Any]) -> bool:
    """Whether an adapter is trained beside the model, which itself stays as it is."""
    return values.get("adapter") in _LOW_RANK


def trains_embeddings(values: dict[str, Any], model: ModelFacts | None) -> bool:
    """Whether new tokens can be learned: those that the model reads, and, where that is another matrix, writes."""
    if not values.get("adapter"):
        return True
    named = []
    for key in ("lora_modules_to_save", "lora_target_modules"):
        value = values.get(key)
        named += [str(one).rpartition(".")[2] for one in value] if isinstance(value, list) else []
    reads, writes = (any(one in group for one in named) for group in (_INPUT, _OUTPUT))
    return reads and (writes or (model is not None and model.tied_embeddings))
