"""The adapter as llama.cpp reads one: that it does what the adapter does, and what it has no place for.

`test_agreement.py` has all model families.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gguf import GGUFReader
from peft import LoraConfig, get_peft_model
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, Phi3Config, Phi3ForCausalLM

from lintune_schemas.errors import LintuneError
from lintune_trainer import adapter_gguf, gguf_files, models
from lintune_trainer.gguf_files import Origin
from lintune_trainer.proof.llama import LlamaError, LlamaModel, Passage

SIZES: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "initializer_range": 0.3,
}
IDS = tuple(range(300, 340))


@pytest.fixture(scope="module")
def llama(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama that is certain of what it says, with `base.gguf` in its folder."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models") / "llama"
    LlamaForCausalLM(LlamaConfig(**SIZES, vocab_size=49152, tie_word_embeddings=True)).save_pretrained(folder)
    models.copy_tokenizer(small_model, folder)
    gguf_files.convert(folder, folder / "base.gguf", "f16", Origin("llama"))
    return folder


def adapted(base: Path, adapter: Path, **values: Any) -> Any:
    asked: dict[str, Any] = {"target_modules": "all-linear", "r": 4, "lora_alpha": 16, **values}
    torch.manual_seed(1)
    settings = LoraConfig(task_type="CAUSAL_LM", init_lora_weights=False, **asked)
    model = get_peft_model(models.load(base, torch.float32), settings)
    model.save_pretrained(adapter)
    return model.eval()


@torch.no_grad()
def by_transformers(model: Any) -> torch.Tensor:
    result: torch.Tensor = model(input_ids=torch.tensor([IDS])).logits[0]
    return result.log_softmax(-1)


def by_llama_cpp(gguf: Path, adapter: Path | None) -> torch.Tensor:
    with LlamaModel(gguf, adapter, context=len(IDS)) as model:
        (logits,) = model.read([Passage(IDS, tuple(range(len(IDS))))])
    return torch.from_numpy(np.array(logits)).log_softmax(-1)


def divergence(reference: torch.Tensor, other: torch.Tensor) -> float:
    return float((reference.exp() * (reference - other)).sum(-1).mean())


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"use_rslora": True},
        {"alpha_pattern": {"q_proj": 64}, "rank_pattern": {"down_proj": 2}},
        {"use_rslora": True, "rank_pattern": {"k_proj": 9}},
        {"target_modules": ["k_proj", "up_proj"]},
    ],
    ids=str,
)
def test_llama_cpp_does_with_it_what_the_adapter_does(llama: Path, tmp_path: Path, values: dict[str, Any]) -> None:
    tuned = by_transformers(adapted(llama, tmp_path, **values))
    adapter_gguf.write(tmp_path, llama, tmp_path / "adapter.gguf")
    assert divergence(tuned, by_llama_cpp(llama / "base.gguf", None)) > 0.1
    assert divergence(tuned, by_llama_cpp(llama / "base.gguf", tmp_path / "adapter.gguf")) < 1e-3


def test_an_alpha_of_zero_is_no_adapter(llama: Path, tmp_path: Path) -> None:
    adapted(llama, tmp_path, target_modules=["q_proj"], lora_alpha=0)
    adapter_gguf.write(tmp_path, llama, tmp_path / "adapter.gguf")
    tensors = {tensor.name: tensor.data for tensor in GGUFReader(tmp_path / "adapter.gguf").tensors}
    assert not tensors["blk.0.attn_q.weight.lora_b"].any()


def test_what_the_file_says(llama: Path, tmp_path: Path) -> None:
    adapted(llama, tmp_path, target_modules=["q_proj", "down_proj"], use_rslora=True)
    adapter_gguf.write(tmp_path, llama, tmp_path / "adapter.gguf")
    reader = GGUFReader(tmp_path / "adapter.gguf")
    said = {key: field.contents() for key, field in reader.fields.items() if not key.startswith("GGUF.")}
    assert said == {
        "general.architecture": "llama",
        "general.type": "adapter",
        "adapter.type": "lora",
        "adapter.lora.alpha": 32.0,  # 16 times the root of 4
        "llama.vocab_size": 49_152,
    }
    shapes = {tensor.name: tuple(tensor.data.shape) for tensor in reader.tensors}
    assert shapes == {
        f"blk.{layer}.{name}": shape
        for layer in (0, 1)
        for name, shape in {
            "attn_q.weight.lora_a": (4, 64),
            "attn_q.weight.lora_b": (64, 4),
            "ffn_down.weight.lora_a": (4, 96),
            "ffn_down.weight.lora_b": (64, 4),
        }.items()
    }


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"use_dora": True}, "the magnitudes of DoRA"),
        ({"modules_to_save": ["norm"]}, "modules that are trained whole"),
        ({"bias": "all"}, "biases"),
        ({"target_modules": ["q_proj", "lm_head"]}, "lm_head has no matrix of its own"),
        ({"target_modules": ["embed_tokens", "q_proj"]}, "more than LoRA of linear layers"),
    ],
    ids=str,
)
def test_what_llama_cpp_has_no_place_for(llama: Path, tmp_path: Path, values: dict[str, Any], named: str) -> None:
    adapted(llama, tmp_path, **values)
    told: list[str] = []
    assert not adapter_gguf.try_to_write(tmp_path, llama, tmp_path / "adapter.gguf", told.append)
    (sentence,) = told
    assert sentence.startswith("No adapter for llama.cpp is written")
    assert named in sentence
    assert not list(tmp_path.glob("*.gguf"))


def test_a_model_whose_files_are_not_known(tmp_path: Path) -> None:
    GPT2LMHeadModel(GPT2Config(n_embd=32, n_layer=1, n_head=2, vocab_size=64)).save_pretrained(tmp_path / "gpt2")
    adapted(tmp_path / "gpt2", tmp_path / "adapter", fan_in_fan_out=True)
    with pytest.raises(LintuneError, match="of gpt2 models it is not known"):
        adapter_gguf.write(tmp_path / "adapter", tmp_path / "gpt2", tmp_path / "adapter.gguf")


def test_fused_matrices_stay_fused(tmp_path: Path) -> None:
    config = Phi3Config(**SIZES, vocab_size=64, pad_token_id=0, tie_word_embeddings=False)
    Phi3ForCausalLM(config).save_pretrained(tmp_path / "phi3")
    adapted(tmp_path / "phi3", tmp_path, target_modules=["qkv_proj", "gate_up_proj", "lm_head"])
    adapter_gguf.write(tmp_path, tmp_path / "phi3", tmp_path / "adapter.gguf")
    shapes = {tensor.name: tuple(tensor.data.shape) for tensor in GGUFReader(tmp_path / "adapter.gguf").tensors}
    assert shapes["blk.1.attn_qkv.weight.lora_b"] == (64 + 2 * 32, 4)
    assert shapes["blk.1.ffn_up.weight.lora_b"] == (2 * 96, 4)
    assert shapes["output.weight.lora_b"] == (64, 4)


@pytest.mark.parametrize("file", ["adapter_model.safetensors", "adapter_config.json"])
def test_a_broken_adapter(llama: Path, tmp_path: Path, file: str) -> None:
    adapted(llama, tmp_path)
    (tmp_path / file).write_bytes((tmp_path / file).read_bytes()[:100])
    with pytest.raises(LintuneError, match=r"broken.*Train again"):
        adapter_gguf.write(tmp_path, llama, tmp_path / "adapter.gguf")


def test_an_adapter_on_another_model_is_refused_by_llama_cpp(llama: Path, tmp_path: Path) -> None:
    LlamaForCausalLM(LlamaConfig(**{**SIZES, "intermediate_size": 128}, vocab_size=64)).save_pretrained(tmp_path / "l")
    Phi3ForCausalLM(Phi3Config(**SIZES, vocab_size=64, pad_token_id=0)).save_pretrained(tmp_path / "p")
    for name in ("l", "p"):
        adapted(tmp_path / name, tmp_path / f"{name}-adapter")
        adapter_gguf.write(tmp_path / f"{name}-adapter", tmp_path / name, tmp_path / f"{name}.gguf")
        with pytest.raises(LlamaError):
            by_llama_cpp(llama / "base.gguf", tmp_path / f"{name}.gguf")
    whole = adapted(llama, tmp_path / "own")
    assert whole is not None
    adapter_gguf.write(tmp_path / "own", llama, tmp_path / "own.gguf")
    (tmp_path / "own.gguf").write_bytes((tmp_path / "own.gguf").read_bytes()[:-1000])
    with pytest.raises(LlamaError):
        by_llama_cpp(llama / "base.gguf", tmp_path / "own.gguf")


def test_settings_of_an_older_peft_are_read(llama: Path, tmp_path: Path) -> None:
    adapted(llama, tmp_path)
    settings = json.loads((tmp_path / "adapter_config.json").read_text())
    for key in ("use_dora", "lora_bias", "target_parameters", "alpha_pattern", "ensure_weight_tying"):
        settings.pop(key, None)
    (tmp_path / "adapter_config.json").write_text(json.dumps(settings))
    adapter_gguf.write(tmp_path, llama, tmp_path / "adapter.gguf")
    assert len(GGUFReader(tmp_path / "adapter.gguf").tensors) == 2 * 2 * 7
