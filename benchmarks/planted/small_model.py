"""A model folder whose tokenizer knows single ASCII characters, has an unknown token, and writes BOS."""

from __future__ import annotations

from typing import Any

from benchmarks.planted.templates import WITH_BOS

_SPECIAL = ("<unk>", "<s>", "</s>")


def files(folder: str) -> dict[str, dict[str, Any]]:
    """The files by path, without weights: nothing but the tokenizer is ever looked at."""
    vocabulary = {token: index for index, token in enumerate((*_SPECIAL, "\n", *map(chr, range(32, 127))))}
    config = {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "vocab_size": len(vocabulary),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 8192,
    }
    tokenizer_config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "pad_token": "<unk>",
        "add_bos_token": True,
        "chat_template": WITH_BOS.text,
    }
    return {
        f"{folder}/config.json": config,
        f"{folder}/tokenizer_config.json": tokenizer_config,
        f"{folder}/tokenizer.json": _tokenizer(vocabulary),
    }


def _tokenizer(vocabulary: dict[str, int]) -> dict[str, Any]:
    """By the layout of Hugging Face's tokenizers: BPE without merges is one token a character."""
    added = [
        {
            "id": vocabulary[token],
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for token in _SPECIAL
    ]
    bos = {"id": "<s>", "ids": [vocabulary["<s>"]], "tokens": ["<s>"]}
    single = [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": None,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": single,
            "pair": [*single, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": bos},
        },
        "decoder": None,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocabulary,
            "merges": [],
        },
    }
