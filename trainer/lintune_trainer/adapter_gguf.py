"""An adapter as one GGUF file, which llama.cpp puts on a base model that it has loaded already.

The format is llama.cpp's (`src/llama-adapter.cpp`): `general.type` is `adapter`, and for every matrix that is adapted
the two small ones, under its name in the base model's file with `.lora_a` [rank, in] and `.lora_b` [out, rank] behind.
What comes out is scaled by `adapter.lora.alpha` over the rank.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from gguf import GGUFType, GGUFWriter, get_tensor_name_map
from gguf.constants import MODEL_ARCH, MODEL_ARCH_NAMES, Keys
from peft import LoraConfig
from peft.utils.other import get_pattern_key
from safetensors import SafetensorError, safe_open
from transformers import AutoConfig

from lintune_schemas import atomic
from lintune_schemas.errors import LintuneError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_CONFIG, _WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_LEAST = 2.0**-14
"""The smallest number that fp16 has with all its bits: smaller ones are off by 2^-25 at most."""
_PREFIX = "base_model.model."
"""What PEFT puts in front of a module's name."""
_DOWN, _UP = ".lora_A.weight", ".lora_B.weight"


@dataclass(frozen=True, slots=True)
class _Architecture:
    gguf: MODEL_ARCH
    rotates_neighbours: bool = False
    """Whether llama.cpp rotates each number with the next, where transformers does with that half a head away: rows of
    queries and keys stand in another order in the file."""


_ARCHITECTURES = {
    "llama": _Architecture(MODEL_ARCH.LLAMA, rotates_neighbours=True),
    "mistral": _Architecture(MODEL_ARCH.LLAMA, rotates_neighbours=True),
    "smollm3": _Architecture(MODEL_ARCH.SMOLLM3),
    "qwen2": _Architecture(MODEL_ARCH.QWEN2),
    "qwen3": _Architecture(MODEL_ARCH.QWEN3),
    "gemma": _Architecture(MODEL_ARCH.GEMMA),
    "gemma2": _Architecture(MODEL_ARCH.GEMMA2),
    "gemma3_text": _Architecture(MODEL_ARCH.GEMMA3),
    "phi3": _Architecture(MODEL_ARCH.PHI3),
}
"""By transformers' `model_type`, as llama.cpp's converter writes them. What it does to norms does not matter here:
no adapter touches them."""

_HEADS = {"q_proj": "num_attention_heads", "k_proj": "num_key_value_heads"}


def write(adapter: Path, weights: Path, gguf: Path) -> None:
    """Write the PEFT adapter in a folder as a GGUF file, whole or not at all.

    weights: the base model's folder. Raises LintuneError for what llama.cpp has no place for, or when the adapter is
    broken or of another model; OSError.
    """
    config = AutoConfig.from_pretrained(weights, trust_remote_code=False, local_files_only=True).get_text_config()
    architecture = _ARCHITECTURES.get(config.model_type)
    if architecture is None:
        raise LintuneError(
            f"No adapter for llama.cpp is written: of {config.model_type} models it is not known how their matrices "
            "stand in a GGUF file. Checkpoints cannot be tried while the training goes on; the export is not affected."
        )
    peft = _settings(adapter)
    if obstacle := _obstacle(peft):
        raise LintuneError(
            f"No adapter for llama.cpp is written, which has no place for {obstacle}. Checkpoints cannot be tried "
            "while the training goes on; the export is not affected."
        )
    matrices = _read(adapter)
    names = get_tensor_name_map(architecture.gguf, config.num_hidden_layers)
    with atomic.new_file(gguf) as partial:
        writer = GGUFWriter(partial, MODEL_ARCH_NAMES[architecture.gguf])
        writer.add_type(GGUFType.ADAPTER)
        writer.add_string(Keys.Adapter.TYPE, "lora")
        writer.add_vocab_size(config.vocab_size)  # by which an adapter of another model is known
        alpha = _alpha(peft, peft["lora_alpha"], peft["r"]) or 1.0  # llama.cpp takes 0 for no scale at all
        writer.add_float32(Keys.Adapter.LORA_ALPHA, alpha)
        for module, (down, up) in matrices.items():
            name = names.get_name(f"{module}.weight", try_suffixes=(".weight",))
            if name is None or (module == "lm_head" and config.tie_word_embeddings):
                raise LintuneError(
                    f"No adapter for llama.cpp is written: {module} has no matrix of its own in a GGUF file. Take it "
                    "out of lora_target_modules to try checkpoints while the training goes on."
                )
            own = peft["alpha_pattern"].get(get_pattern_key(peft["alpha_pattern"], module), peft["lora_alpha"])
            up = up * (_alpha(peft, own, len(down)) / alpha)
            heads = _HEADS.get(module.rpartition(".")[2])
            if architecture.rotates_neighbours and heads:
                up = _beside_each_other(up, getattr(config, heads))
            for end, matrix in (("lora_a", down), ("lora_b", up)):
                writer.add_tensor(f"{name}.{end}", _stored(matrix).contiguous().numpy())
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def _stored(matrix: torch.Tensor) -> torch.Tensor:
    """In fp16, which llama.cpp reads and multiplies in half the time, where that is exact to 2^-11 of the largest
    number in the matrix; else as it is."""
    most = matrix.abs().max().item()
    return matrix.half() if _LEAST <= most <= torch.finfo(torch.float16).max else matrix


def try_to_write(adapter: Path, weights: Path, gguf: Path, tell: Callable[[str], None]) -> bool:
    """`write`, and whether it could be done; what stands in the way is told. Raises OSError."""
    try:
        write(adapter, weights, gguf)
    except LintuneError as error:
        tell(str(error))
        return False
    return True


def _settings(adapter: Path) -> dict[str, Any]:
    try:
        return LoraConfig.from_pretrained(str(adapter)).to_dict()  # type: ignore[no-any-return]
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise LintuneError(f"{adapter / _CONFIG} is missing or broken ({error}). Train again.") from error


def _obstacle(peft: Mapping[str, Any]) -> str | None:
    """What an adapter has beside its pairs of matrices."""
    others = {
        "use_dora": "the magnitudes of DoRA (peft_use_dora)",
        "modules_to_save": "modules that are trained whole (lora_modules_to_save)",
        "trainable_token_indices": "tokens that are trained whole",
        "lora_bias": "biases of LoRA",
        "layer_replication": "layers that are used twice",
        "target_parameters": "LoRA on the parameters of experts",
        "fan_in_fan_out": "matrices that are saved transposed",
    }
    others_there = (words for key, words in others.items() if peft[key])
    return next(others_there, None if peft["bias"] == "none" else "biases that are trained")


def _read(adapter: Path) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Both matrices, in fp32, of each adapted module."""
    path = adapter / _WEIGHTS
    found = {}
    try:
        with safe_open(path, framework="pt") as file:
            # Beside LoRA on the head, PEFT saves the head itself, as it was.
            tensors = {name for name in file.keys() if not name.endswith(".base_layer.weight")}  # noqa: SIM118
            for name in sorted(tensors):
                if not name.endswith(_DOWN):
                    continue
                module = name.removesuffix(_DOWN)
                down, up = (file.get_tensor(module + end).float() for end in (_DOWN, _UP))
                found[_as_text_model(module)] = (down, up)
    except (SafetensorError, FileNotFoundError) as error:
        raise LintuneError(f"The adapter in {adapter} is broken ({error}). Train again.") from error
    if not found or len(tensors) != 2 * len(found):
        raise LintuneError(f"No adapter for llama.cpp is written: {adapter} is more than LoRA of linear layers.")
    return found


def _as_text_model(module: str) -> str:
    """A module's name in a model of text alone: those of models that see have one part more."""
    return module.removeprefix(_PREFIX).replace("model.language_model.", "model.")


def _alpha(peft: Mapping[str, Any], alpha: float, rank: int) -> float:
    """What llama.cpp divides by the rank. PEFT divides the alpha of rank-stabilized LoRA by the rank's root."""
    return alpha * math.sqrt(rank) if peft["use_rslora"] else float(alpha)


def _beside_each_other(rows: torch.Tensor, heads: int) -> torch.Tensor:
    """[out, rank] with the two numbers that are rotated together beside each other, head by head."""
    halves = rows.view(heads, 2, -1, rows.shape[1])
    return halves.transpose(1, 2).reshape(rows.shape)
