"""The tokenizer inside a GGUF file, as a Hugging Face `tokenizer.json`.

transformers can convert it too, but needs torch for that and does not look at `tokenizer.ggml.pre`, the name of the
pre-tokenizer: numbers then split differently than in the model's own tokenizer. Byte-level BPE vocabularies are
rebuilt here; any other kind is refused with a sentence that says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lintune_schemas.errors import LintuneError

if TYPE_CHECKING:
    from pathlib import Path

# Token types of llama.cpp (llama_token_type in llama.h).
_CONTROL, _USER_DEFINED = 3, 4

LLAMA3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
QWEN2_SPLIT = LLAMA3_SPLIT.replace(r"\p{N}{1,3}", r"\p{N}")


def _byte_level(use_regex: bool) -> dict[str, Any]:
    """`use_regex` splits as GPT-2 did, by the tokenizers library's own pattern."""
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": use_regex}


def _split(pattern: str) -> list[dict[str, Any]]:
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    return [split, _byte_level(use_regex=False)]


_PRE_TOKENIZERS: dict[str, list[dict[str, Any]]] = {
    # by the name in `tokenizer.ggml.pre`
    "smollm": [{"type": "Digits", "individual_digits": True}, _byte_level(use_regex=True)],
    "gpt-2": [_byte_level(use_regex=True)],
    "llama-bpe": _split(LLAMA3_SPLIT),
    "qwen2": _split(QWEN2_SPLIT),
}


def read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """`(tokenizer.json, tokenizer_config.json)` as Python values, from the metadata of the GGUF file at `path`.

    Raises LintuneError when the file is no GGUF, or its tokenizer is of a kind that cannot be rebuilt exactly.
    """
    from gguf import GGUFReader

    try:
        fields = GGUFReader(path).fields
    except (OSError, ValueError) as error:
        raise LintuneError(f"{path} could not be read as a GGUF file: {error}.") from error

    def value(key: str) -> Any:
        return fields[key].contents() if key in fields else None

    model, pre = value("tokenizer.ggml.model"), value("tokenizer.ggml.pre")
    if model != "gpt2" or pre not in _PRE_TOKENIZERS:
        raise LintuneError(
            f"{path.name} has a tokenizer of the kind {model}/{pre}, which cannot be rebuilt exactly from a GGUF "
            "file. Use the model's folder with its tokenizer.json as base_model instead."
        )
    tokens: list[str] = value("tokenizer.ggml.tokens")
    kinds: list[int] = value("tokenizer.ggml.token_type")
    merges: list[str] = value("tokenizer.ggml.merges")
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": index,
                "content": token,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": kind == _CONTROL,
            }
            for index, (token, kind) in enumerate(zip(tokens, kinds, strict=True))
            if kind in (_CONTROL, _USER_DEFINED)
        ],
        # Qwen's tokenizers compose characters (NFC) before splitting.
        "normalizer": {"type": "NFC"} if pre == "qwen2" else None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": _PRE_TOKENIZERS[pre]},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": pre == "llama-bpe",
            "vocab": {token: index for index, token in enumerate(tokens)},
            "merges": [merge.split(" ", 1) for merge in merges],
        },
    }

    def token(key: str) -> str | None:
        index = value(f"tokenizer.ggml.{key}_token_id")
        return tokens[index] if index is not None else None

    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": token("bos"),
        "eos_token": token("eos"),
        "unk_token": token("unknown"),
        "pad_token": token("padding"),
        "add_bos_token": bool(value("tokenizer.ggml.add_bos_token")),
        "chat_template": value("tokenizer.chat_template"),
        "clean_up_tokenization_spaces": False,
    }
    return tokenizer, {key: value for key, value in config.items() if value is not None}
