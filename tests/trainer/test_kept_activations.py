"""The memory model's count of what a layer keeps for the backward pass, against what autograd really keeps.

Small models of each architecture with random weights: what is kept follows from shapes alone.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from lintune_schemas import model_config
from lintune_schemas.model_heads import Heads
from lintune_schemas.recipe import Recipe
from lintune_server.hardware import activations
from lintune_server.hardware.precision import Precision
from lintune_trainer import adapter, attention, lora

pytestmark = pytest.mark.long

SHORT, LONG = 96, 240
COMMON: dict[str, Any] = {
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 512,
    "max_position_embeddings": 256,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "llama": {},
    "qwen2": {},
    "qwen3": {"head_dim": 128},
    "gemma2": {"head_dim": 64},
    "gemma3_text": {"head_dim": 64},
    "phi3": {},
    "phi": {},
}
RECIPES = {
    "bf16": {"bf16": True},
    "fp32": {"bf16": False},
    "dropout": {"bf16": True, "lora_dropout": 0.1},
    "queries and values": {"bf16": True, "lora_target_linear": False, "lora_target_modules": ["q_proj", "v_proj"]},
}


def kept(model: Any, samples: int, width: int) -> int:
    """Bytes that autograd keeps of a forward pass, parameters aside, each block of memory once."""
    parameters = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    found: dict[int, torch.Tensor] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in parameters:
            found[storage.data_ptr()] = tensor  # kept alive, so that no other gets its address
        return tensor

    ids = torch.randint(3, 500, (samples, width))
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if attention.takes_samples_in_a_row(model.get_base_model()):
        inputs = {name: tensor.view(1, -1) for name, tensor in inputs.items()}
        inputs["position_ids"] = torch.arange(width).repeat(samples)[None]
        inputs["cu_seq_lens_q"] = torch.arange(samples + 1, dtype=torch.int32) * width
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        hidden = model.get_base_model().model(**inputs, use_cache=False).last_hidden_state
    assert hidden.requires_grad
    return sum(tensor.untyped_storage().nbytes() for tensor in found.values())


@pytest.mark.parametrize(("samples", "width"), [(1, SHORT), (2, SHORT), (2, LONG)])
@pytest.mark.parametrize("words", RECIPES.values(), ids=list(RECIPES))
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_a_layer_keeps(architecture: str, words: dict[str, Any], samples: int, width: int):
    if architecture.startswith("phi") and "lora_target_modules" in words:
        pytest.skip("Phi-3 has no such modules; of Phi's first layer, one half then keeps nothing")
    config = AutoConfig.for_model(architecture, **COMMON, **ARCHITECTURES[architecture])
    recipe = Recipe(**{"base_model": "x", "adapter": "lora", "lora_r": 8, "lora_target_linear": True, **words})
    format_ = "fp32" if recipe.bf16 is False else "bf16"
    dtype = torch.float32 if format_ == "fp32" else torch.bfloat16
    model = adapter.attach(AutoModelForCausalLM.from_config(config, dtype=dtype), recipe).train()
    attention.choose(model.get_base_model(), None)
    lora.join(model)
    facts = model_config.of_config({**config.to_dict(), "model_type": architecture}, Heads({}, None, False))
    assert facts is not None
    batch = activations.Batch(samples, width, width)
    expected = facts.layers * activations.of_layer(recipe, facts, Precision(False, format_), batch)
    assert kept(model, samples, width) == pytest.approx(expected, rel=0.05)


def test_targets_that_peft_takes_by_itself():
    for architecture in ARCHITECTURES.keys() - {"phi3"}:  # of which PEFT knows none
        config = AutoConfig.for_model(architecture, **COMMON, **ARCHITECTURES[architecture])
        recipe = Recipe(base_model="x", adapter="lora")
        model = adapter.attach(AutoModelForCausalLM.from_config(config), recipe)
        adapted = {name.split(".")[-2] for name, _ in model.named_modules() if name.endswith(".lora_A")}
        facts = model_config.of_config({**config.to_dict(), "model_type": architecture}, Heads({}, None, False))
        assert facts is not None
        assert set(activations.targets(recipe, facts)) == adapted
