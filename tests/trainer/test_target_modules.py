"""RC613 says of `lora_target_modules` what PEFT does with them."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig
from peft.tuners.tuners_utils import check_target_module_exists
from transformers import AutoConfig, AutoModelForCausalLM

from lintune_server.lint.recipe import check_recipe
from lintune_server.lint.selection import Selection

SIZES = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 100,
    "max_position_embeddings": 256,
    "pad_token_id": 0,
}

NAMES = [
    *("q_proj", "k_proj", "o_proj", "up_proj", "down_proj", "qkv_proj", "gate_up_proj", "dense", "fc1", "fc2"),
    *("self_attn.q_proj", "mlp.up_proj", "mlp.q_proj", "layers.1.mlp.down_proj", "model.layers.0.self_attn.o_proj"),
    *("embed_tokens", "lm_head", "model.embed_tokens", "roj", "proj", "q_pro", "Q_proj", "all-linear", "model", "0"),
]
EXPRESSIONS = [
    *("q_proj", ".*q_proj", r".*\.(q|v)_proj", r"model\.layers\.\d+\.mlp\.(up|gate_up)_proj", "model.layers.0", ".*"),
    *(r"layers\.\d+\.self_attn\.q_proj", r".*\.fc[12]", "lm_head", ".*_PROJ", r".*\.mlp\..*"),
]


@pytest.fixture(scope="module", params=["llama", "qwen3", "phi3", "phi", "gemma3_text"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A model folder without weights, and the names of the modules that PEFT can adapt in that model."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "model").mkdir()
    (folder / "model" / "config.json").write_text(json.dumps({**SIZES, "model_type": request.param}))
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(request.param, **SIZES))
    kinds = (torch.nn.Linear, torch.nn.Embedding)
    return folder, [name for name, module in model.named_modules() if isinstance(module, kinds)]


def found(folder: Path, targets: Any) -> list[str]:
    text = f"base_model: ./model\nadapter: lora\nlora_target_modules: {json.dumps(targets)}\ndatasets: [{{path: a}}]\n"
    return [one.message for one in check_recipe(text, folder / "recipe.yaml", Selection(("RC613",)))]


@pytest.mark.parametrize("name", NAMES)
def test_names(made: tuple[Path, list[str]], name: str) -> None:
    folder, modules = made
    adapted = any(check_target_module_exists(LoraConfig(target_modules=[name]), module) for module in modules)
    assert (found(folder, [name]) == []) == bool(adapted)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expressions(made: tuple[Path, list[str]], expression: str) -> None:
    folder, modules = made
    adapted = any(check_target_module_exists(LoraConfig(target_modules=expression), module) for module in modules)
    assert (found(folder, expression) == []) == bool(adapted)
