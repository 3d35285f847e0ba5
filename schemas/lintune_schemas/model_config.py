"""From a model's `config.json`, or a GGUF file's metadata, to its sizes and the names of its modules.

Keys and defaults are those of transformers' configuration classes. Which module has which shape, and which have biases
and norms, was read off transformers' model classes; `tests/schemas/test_model_facts.py` compares it with them.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from lintune_schemas.model_heads import Heads


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Sizes of a language model; of one that sees or hears, too, those of its language part but for `parameters`."""

    architecture: str
    """transformers' `model_type`: `llama`, `qwen2`, `gemma3_text`, …"""
    parameters: int
    """Of the whole model; tied embeddings count once."""
    context_length: int | None
    """Tokens that the model was made for; None for one that has no such limit."""
    hidden_size: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate_size: int
    vocabulary_size: int
    """Rows of the embedding, padding included: often some more than the tokenizer has tokens."""
    tied_embeddings: bool
    linear_modules: dict[str, tuple[int, int]]
    """Of each layer, by the last part of the name: (in, out). Empty for an architecture that is not known here and
    whose weights are not there to be looked at."""
    modules: tuple[str, ...]
    """Full names of all modules that an adapter can be put on, embeddings included; empty where not all are known."""
    weight_bytes: int | None
    """On disk; None when the weights are not there, or not whole."""
    pickled_only: bool
    """Whether there are weights, but none as safetensors or GGUF."""
    chat_template: bool
    """Whether the model comes with one, as instruction-tuned models do."""
    source: Literal["config", "gguf", "starter"]
    custom_code: bool = False
    """Whether config.json names Python code that comes with the model."""
    class_name: str | None = None
    """The first of config.json's `architectures`: `LlamaForCausalLM`, …"""


@dataclass(frozen=True, slots=True)
class _Architecture:
    """How the decoder layers of a `model_type` are made."""

    norms: int = 2
    """RMS norms of the hidden size in a layer."""
    biased: tuple[str, ...] = ()
    """Modules that always have a bias."""
    head_norms: bool = False
    """Whether queries and keys have a norm of the head's size each."""
    tied: bool = False
    """Default of `tie_word_embeddings`."""
    fused: bool = False
    """Phi-3: `qkv_proj` and `gate_up_proj`."""
    defaults: tuple[tuple[str, int], ...] = ()
    """What a `text_config` leaves out."""


_QKV = ("q_proj", "k_proj", "v_proj")
_PHI_MODULES = (*_QKV, "dense", "fc1", "fc2")
_GEMMA_3_DEFAULTS = (
    ("num_attention_heads", 8),
    ("num_key_value_heads", 4),
    ("head_dim", 256),
    ("vocab_size", 262_208),
    ("max_position_embeddings", 131_072),
)

_ARCHITECTURES = {
    "llama": _Architecture(),
    "mistral": _Architecture(),
    "smollm3": _Architecture(tied=True),
    "granite": _Architecture(),
    "qwen2": _Architecture(biased=_QKV),
    "qwen3": _Architecture(head_norms=True),
    "gemma": _Architecture(tied=True),
    "gemma2": _Architecture(norms=4, tied=True),
    "gemma3_text": _Architecture(norms=4, head_norms=True, tied=True, defaults=_GEMMA_3_DEFAULTS),
    "phi3": _Architecture(fused=True),
    "phi": _Architecture(norms=2, biased=_PHI_MODULES),  # one LayerNorm, with a weight and a bias
}

_OTHER_NAMES = {
    "hidden_size": ("n_embd", "d_model"),
    "num_hidden_layers": ("n_layer", "n_layers", "num_layers"),
    "num_attention_heads": ("n_head", "n_heads"),
    "intermediate_size": ("n_inner", "ffn_dim", "ffn_hidden_size"),
    "max_position_embeddings": ("n_positions", "max_seq_len", "seq_length", "max_sequence_length"),
}
"""What older architectures call them (`attribute_map` in transformers' classes)."""

_TIED_ELSEWHERE = ("gpt2", "opt", "bloom", "falcon", "cohere", "cohere2", "gptj")
"""Other architectures whose embeddings are tied unless config.json says otherwise."""


def of_config(
    config: dict[str, Any],
    heads: Heads,
    source: Literal["config", "starter"] = "config",
) -> ModelFacts | None:
    """The facts of a `config.json`. None when it has no sizes of a language model."""
    whole, text = config, config.get("text_config")
    config = {**config, **text} if isinstance(text, dict) else config
    kind = str(config.get("model_type", ""))
    if isinstance(text, dict) and "model_type" not in text:
        kind = {"gemma3": "gemma3_text"}.get(kind, kind)
    made = _ARCHITECTURES.get(kind)
    sizes = _sizes(config, made)
    if sizes is None:
        return None
    tied = _tied(config, whole, kind, heads)
    names = _names(heads)
    if names:
        linear, modules = _linear(heads.tensors, names, kind), tuple(dict.fromkeys([*names, "lm_head"]))
    elif made:
        linear = _modules(made, kind, sizes)
        modules = () if isinstance(text, dict) else _full_names(sizes.layers, linear)
    else:
        linear, modules = {}, ()
    classes = config.get("architectures")  # of a text_config where that names some, as llama.cpp's converter looks
    quantized = "quantization_config" in whole  # their tensors have the shapes of packed bytes
    twice = _OUTPUTS if tied else ()  # some files hold tied embeddings twice
    counted = sum(math.prod(shape) for name, shape in heads.tensors.items() if not (twice and name.endswith(twice)))
    return ModelFacts(
        architecture=kind,
        parameters=counted if counted and not quantized else _parameters(config, made, kind, sizes, tied),
        context_length=sizes.context,
        hidden_size=sizes.hidden,
        layers=sizes.layers,
        heads=sizes.heads,
        kv_heads=sizes.kv_heads,
        head_dim=sizes.head_dim,
        intermediate_size=sizes.intermediate,
        vocabulary_size=sizes.vocabulary,
        tied_embeddings=tied,
        linear_modules=linear,
        modules=modules,
        weight_bytes=heads.weight_bytes,
        pickled_only=heads.pickled_only,
        chat_template=heads.chat_template,
        source=source,
        custom_code=isinstance(whole.get("auto_map"), dict),
        class_name=next((one for one in classes if isinstance(one, str)), None) if isinstance(classes, list) else None,
    )


@dataclass(frozen=True, slots=True)
class _Sizes:
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocabulary: int
    context: int | None


_LARGEST = 1 << 31
_MOST_LAYERS = 1_000
"""Beyond these, no size of a model: a broken file. The largest models have some 130 layers."""


def _sizes(config: dict[str, Any], made: _Architecture | None) -> _Sizes | None:
    defaults = dict(made.defaults) if made else {}

    def number(key: str, otherwise: int | None = None) -> int | None:
        for name in (key, *_OTHER_NAMES.get(key, ())):
            value = config.get(name)
            if isinstance(value, list):  # one for each layer: the largest decides how much memory it takes
                value = max((one for one in value if isinstance(one, int)), default=None)
            if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST:
                return value
        return defaults.get(key, otherwise)

    hidden, layers = number("hidden_size"), number("num_hidden_layers")
    heads, vocabulary = number("num_attention_heads"), number("vocab_size")
    if hidden is None or layers is None or heads is None or vocabulary is None or layers > _MOST_LAYERS:
        return None
    intermediate = number("intermediate_size") or 4 * hidden  # GPT-2's, and of all that leave it out
    kv_heads = number("num_key_value_heads") or heads
    head_dim = number("head_dim") or max(hidden // heads, 1)
    context = number("max_position_embeddings")
    return _Sizes(hidden, layers, heads, kv_heads, head_dim, intermediate, vocabulary, context)


def _tied(config: dict[str, Any], whole: dict[str, Any], kind: str, heads: Heads) -> bool:
    said = whole.get("tie_word_embeddings", config.get("tie_word_embeddings"))
    if isinstance(said, bool):
        return said
    if heads.tensors:
        return not any(name.endswith(_OUTPUTS) for name in heads.tensors)
    made = _ARCHITECTURES.get(kind)
    return made.tied if made else kind in _TIED_ELSEWHERE


_OUTPUTS = ("lm_head.weight", "embed_out.weight")

_LAYER = re.compile(r"\.\d+\.")
_SEES_OR_HEARS = re.compile(r"(?:^|[._])(?:vision|visual|image|audio|multi_modal|vit)(?=[._])")


def _names(heads: Heads) -> list[str]:
    """Names of the modules with a matrix: linear layers and embeddings."""
    suffix = ".weight"
    return [
        name.removesuffix(suffix) for name, shape in heads.tensors.items() if name.endswith(suffix) and len(shape) == 2
    ]


def _linear(tensors: dict[str, tuple[int, ...]], names: list[str], kind: str) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for name in names:
        if _LAYER.search(name) and not _SEES_OR_HEARS.search(name):
            out, into = tensors[f"{name}.weight"]
            if kind == "gpt2":  # its Conv1D has them the other way round
                out, into = into, out
            last = name.rpartition(".")[2]
            found[last] = max(found.get(last, (0, 0)), (into, out))
    return found


def _modules(made: _Architecture, kind: str, sizes: _Sizes) -> dict[str, tuple[int, int]]:
    """The linear modules of a layer of an architecture that is known here."""
    hidden, intermediate = sizes.hidden, sizes.intermediate
    queries, keys = sizes.heads * sizes.head_dim, sizes.kv_heads * sizes.head_dim
    if made.fused:
        return {
            "qkv_proj": (hidden, queries + 2 * keys),
            "o_proj": (queries, hidden),
            "gate_up_proj": (hidden, 2 * intermediate),
            "down_proj": (intermediate, hidden),
        }
    attention = {"q_proj": (hidden, queries), "k_proj": (hidden, keys), "v_proj": (hidden, keys)}
    if kind == "phi":
        return {
            **attention,
            "dense": (queries, hidden),
            "fc1": (hidden, intermediate),
            "fc2": (intermediate, hidden),
        }
    return {
        **attention,
        "o_proj": (queries, hidden),
        "gate_proj": (hidden, intermediate),
        "up_proj": (hidden, intermediate),
        "down_proj": (intermediate, hidden),
    }


_IN_ATTENTION = (*_QKV, "o_proj", "qkv_proj", "dense")


def _full_names(layers: int, linear: dict[str, tuple[int, int]]) -> tuple[str, ...]:
    parts = [f"{'self_attn' if name in _IN_ATTENTION else 'mlp'}.{name}" for name in linear]
    inside = [f"model.layers.{layer}.{part}" for layer in range(layers) for part in parts]
    return ("model.embed_tokens", *inside, "lm_head")


def _parameters(config: dict[str, Any], made: _Architecture | None, kind: str, sizes: _Sizes, tied: bool) -> int:
    """How many there are, by the shapes alone. Of an architecture that is not known here, as if it were Llama."""
    made_as = made or _Architecture()
    hidden = sizes.hidden
    linear = _modules(made_as, kind, sizes)
    biased = set(made_as.biased)
    if config.get("attention_bias") is True:
        biased |= {"q_proj", "k_proj", "v_proj", "o_proj"} & set(linear)
    if config.get("mlp_bias") is True:
        biased |= {"gate_proj", "up_proj", "down_proj"} & set(linear)
    layer = sum(into * out for into, out in linear.values()) + sum(linear[name][1] for name in biased)
    layer += made_as.norms * hidden + (2 * sizes.head_dim if made_as.head_norms else 0)
    embeddings = sizes.vocabulary * hidden * (1 if tied else 2)
    last = 2 * hidden + sizes.vocabulary if kind == "phi" else hidden  # phi: biases of the last norm and of lm_head
    return embeddings + sizes.layers * layer + last


_GGUF_ARCHITECTURES = {"phi2": "phi", "gemma3": "gemma3_text"}
"""llama.cpp's names where they are others than transformers'."""


def of_gguf(fields: dict[str, Any], heads: Heads) -> ModelFacts | None:
    """The facts of a GGUF file's metadata and tensors. None for one that holds no language model."""
    name = fields.get("general.architecture")

    def field(key: str) -> Any:
        return fields.get(f"{name}.{key}")

    config = {
        "model_type": _GGUF_ARCHITECTURES.get(str(name), str(name)),
        "hidden_size": field("embedding_length"),
        "num_hidden_layers": field("block_count"),
        "num_attention_heads": field("attention.head_count"),
        "num_key_value_heads": field("attention.head_count_kv"),
        "head_dim": field("attention.key_length"),
        "intermediate_size": field("feed_forward_length"),
        "max_position_embeddings": field("context_length"),
        "vocab_size": next(iter(heads.tensors.get("token_embd.weight", ())), None),
        "tie_word_embeddings": "output.weight" not in heads.tensors,
    }
    unnamed = replace(heads, tensors={})  # llama.cpp's names are not those of modules
    facts = of_config(config, unnamed)
    if facts is None:
        return None
    counted = sum(math.prod(shape) for name, shape in heads.tensors.items() if not name.startswith("rope_"))
    return replace(facts, parameters=counted, source="gguf")
