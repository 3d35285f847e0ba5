"""Whether the numbers in a file's head are those of the trained model's config.json."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from transformers import AutoConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from lintune_schemas.events import Check, Link

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_trainer.proof.gguf_head import Reader

_SAME = {
    "block_count": "num_hidden_layers",
    "context_length": "max_position_embeddings",
    "embedding_length": "hidden_size",
    "feed_forward_length": "intermediate_size",
    "attention.head_count": "num_attention_heads",
    "attention.head_count_kv": "num_key_value_heads",
    "attention.key_length": "head_dim",
    "attention.value_length": "head_dim",
    "attention.layer_norm_rms_epsilon": "rms_norm_eps",
    "attention.sliding_window": "sliding_window",
    "attn_logit_softcapping": "attn_logit_softcapping",
    "final_logit_softcapping": "final_logit_softcapping",
}
"""Keys of a GGUF file, behind the architecture's name, and what transformers calls the same."""

_DEFAULT_BASE = 10_000.0
"""llama.cpp's, where a file names none."""
_UNSCALED = ("default", "llama3", "longrope")
"""Kinds of RoPE for which a file has no factor, but at most a tensor with one for each pair."""


def same_configuration(gguf: Path, reader: Reader, merged: Path) -> Check:
    """Compare what the file says of the architecture with a model folder's config.json."""
    config = AutoConfig.from_pretrained(merged, trust_remote_code=False, local_files_only=True).get_text_config()
    architecture = str(reader.fields["general.architecture"].contents())
    found = {
        key.removeprefix(f"{architecture}."): field.contents()
        for key, field in reader.fields.items()
        if key.startswith(f"{architecture}.")
    }
    name = f"configuration of {gguf.name}"
    for key, wanted in {**_rope(config, found), **_sizes(config, found)}.items():
        if not _equal(found.get(key, _DEFAULT_BASE if key == "rope.freq_base" else None), wanted):
            link = Link.ROPE if key.startswith("rope.") else Link.CONFIGURATION
            detail = f"{architecture}.{key} is {found.get(key, 'missing')}, the trained model has {wanted}"
            return Check(name, False, detail, link, gguf.name)
    if problem := _factors(config, reader):
        return Check(name, False, problem, Link.ROPE, gguf.name)
    base = found.get("rope.freq_base", _DEFAULT_BASE)
    figures = {"rope_freq_base": float(base)}
    return Check(
        name, True, "sizes, constants and RoPE are those of the trained model", file=gguf.name, figures=figures
    )


def _sizes(config: Any, found: dict[str, Any]) -> dict[str, Any]:
    wanted = {key: getattr(config, name, None) for key, name in _SAME.items()}
    return {key: value for key, value in wanted.items() if key in found and value is not None}


def _rope(config: Any, found: dict[str, Any]) -> dict[str, Any]:
    """Of models with two kinds of layers, those that see all are the file's `rope.freq_base`."""
    parameters = getattr(config, "rope_parameters", None)
    if not parameters:
        return {}
    sliding = parameters.get("sliding_attention", {})
    parameters = parameters.get("full_attention", parameters)
    wanted: dict[str, Any] = {"rope.freq_base": parameters.get("rope_theta")}
    if "rope.freq_base_swa" in found:
        wanted["rope.freq_base_swa"] = sliding.get("rope_theta")
    if "rope.dimension_count" in found:
        width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        wanted["rope.dimension_count"] = int(width * (parameters.get("partial_rotary_factor") or 1))
    kind = parameters.get("rope_type", "default")
    if kind not in _UNSCALED:
        wanted["rope.scaling.factor"] = parameters.get("factor")
    elif "rope.scaling.factor" in found and kind == "default":
        wanted["rope.scaling.factor"] = 1.0
    return {key: value for key, value in wanted.items() if value is not None}


def _factors(config: Any, reader: Reader) -> str | None:
    """What is wrong with the tensor by which Llama 3 slows its rotations down; None when nothing is."""
    parameters = getattr(config, "rope_parameters", None) or {}
    if parameters.get("rope_type") != "llama3":
        return None
    tensor = next((one for one in reader.tensors if one.name == "rope_freqs.weight"), None)
    if tensor is None:
        return "the tensor rope_freqs.weight is missing, by which the trained model slows its rotations down"
    slowed = np.asarray(ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")[0], np.float64)
    pairs = np.arange(len(slowed)) / len(slowed)
    wanted = parameters["rope_theta"] ** -pairs / slowed
    if tensor.data.shape == wanted.shape and np.allclose(tensor.data, wanted, rtol=1e-3):
        return None
    return "the tensor rope_freqs.weight holds other factors than those of the trained model's rope_parameters"


def _equal(found: Any, wanted: Any) -> bool:
    if isinstance(found, list):  # one for each layer
        return all(_equal(one, wanted) for one in found)
    return found is not None and math.isclose(found, wanted, rel_tol=1e-6)
