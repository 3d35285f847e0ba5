"""Base models: finding their weights on this machine, fetching or converting them once, and loading them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from typing import TYPE_CHECKING, Any

import bitsandbytes as bnb
import torch
from filelock import FileLock
from gguf import GGUFReader
from transformers import AutoConfig, AutoModelForCausalLM, BitsAndBytesConfig, GenerationConfig, GgufConfig

from lintune_schemas import atomic, model_files, processor, starter_models
from lintune_schemas.base_model import BaseModel, ModelKind, cache_folder, hub_cache
from lintune_schemas.errors import LintuneError
from lintune_trainer import attention, hub
from lintune_trainer.run import remove_left_overs

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_schemas.recipe import Recipe
    from lintune_trainer.device import Device

_CONVERSION = 1
"""Counts up when the conversion below changes, so that older cached results are not used."""

WHOLE_WEIGHTS_SHARE = 0.25
"""Of the memory that is free: so much of it may go to 4-bit weights that are kept as a CPU multiplies them. The
linter's estimate (`lintune_server/hardware/memory.py`) goes by the same."""

_CARD = "README.md"

_TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "tokenizer.model",
    "vocab.json",
    "merges.txt",
)


def fetch(base: BaseModel) -> BaseModel:
    """The same model, on this machine. Raises LintuneError when it cannot be downloaded."""
    if base.kind is not ModelKind.HUB:
        return base
    return BaseModel(base.name, ModelKind.FOLDER, hub.download(base.name))


def weights_folder(base: BaseModel) -> Path:
    """A folder with `config.json`, safetensors and tokenizer files of a model that is on this machine.

    A GGUF is dequantized to bf16 into the user's cache, once. Raises LintuneError when the files cannot be
    used.
    """
    path = base.path
    if path is None or base.kind is ModelKind.HUB:
        raise LintuneError(f"{base.name} is not on this machine. It is downloaded when a training starts.")
    if base.kind is ModelKind.FOLDER:
        _require_usable(path)
        return path
    status = path.stat()
    key = f"{_CONVERSION}:{path}:{status.st_size}:{status.st_mtime_ns}"
    models = cache_folder() / "models"
    folder = models / hashlib.sha256(key.encode()).hexdigest()[:16]
    if (folder / "config.json").is_file():
        return folder
    models.mkdir(parents=True, exist_ok=True)
    with FileLock(models / ".lock"):  # two first runs at once convert once
        if not (folder / "config.json").is_file():
            remove_left_overs(models)
            _convert_gguf(path, model_files.tokenizer_folder(base), folder)
    return folder


def load(folder: Path, dtype: torch.dtype | str = "auto", quantization: Any = None, device: str = "cpu") -> Any:
    """The causal language model in a folder, in evaluation mode.

    dtype: that of the weights; `auto` for the one they are saved in. Raises LintuneError for models that
    transformers does not know or whose files are broken.
    """
    _require_usable(folder)
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype,
            quantization_config=quantization,
            device_map={"": device} if quantization is not None else None,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
        )
    except (ValueError, KeyError) as error:
        raise LintuneError(f"transformers cannot load the model in {folder}: {error}") from error
    except Exception as error:
        if type(error).__name__ != "SafetensorError":
            raise
        raise LintuneError(f"The weights in {folder} are broken ({error}). Fetch the model again.") from error
    return model.to(device).eval() if quantization is None else model.eval()


def load_for_training(folder: Path, recipe: Recipe, device: Device) -> Any:
    """The base model for training: its weights rounded to 4-bit NormalFloat with quantized constants, or not at all.

    What is computed has the number format `device.dtype`. Raises LintuneError, as for an `attn_implementation` that the
    model does not have.
    """
    nf4 = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=device.dtype,
    )
    model = load(folder, device.dtype, nf4 if recipe.load_in_4bit else None, device.kind)
    attention.choose(model, recipe.attn_implementation)
    # A step needs no keys and values of one before; and with them, transformers takes packs for one long sample.
    model.config.use_cache = False
    quantized = {name: module for name, module in model.named_modules() if isinstance(module, bnb.nn.Linear4bit)}
    if device.kind == "cpu" and _room_for(sum(module.weight.numel() * 2 for module in quantized.values()), device):
        for name, module in quantized.items():
            model.set_submodule(name, _taken_out_of_4bit(module, device.dtype))
        return model
    for module in quantized.values():
        # On CPUs with AVX-512 bf16, the first evaluation would repack the weights for a kernel without a gradient,
        # and from then on nothing reaches the layers below (bitsandbytes 0.50.2, autograd/_functions.py).
        module.support_avx512bf16_for_cpu = False
    return model


def _room_for(weights: int, device: Device) -> bool:
    """Whether so many weights can be kept as the CPU multiplies them, beside all else that a training needs.

    A CPU does not compute in 4 bits: taking weights out of them is a tenth of the time of a step with few tokens.
    """
    return weights * device.dtype.itemsize <= (processor.memory()[1] or 0) * WHOLE_WEIGHTS_SHARE


def _taken_out_of_4bit(module: Any, dtype: torch.dtype) -> torch.nn.Linear:
    """A linear layer with the numbers that a 4-bit layer multiplies by."""
    weight = bnb.functional.dequantize_4bit(module.weight.data, module.weight.quant_state).to(dtype)
    linear = torch.nn.Linear(module.in_features, module.out_features, bias=False, device="meta")
    linear.weight = torch.nn.Parameter(weight, requires_grad=False)
    linear.bias = module.bias
    return linear.train(module.training)


def copy_tokenizer(source: Path, target: Path, chat_template: str | None = None) -> None:
    """Copy a model's tokenizer files. chat_template: takes the place of the model's own; None keeps that."""
    for name in _TOKENIZER_FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)
    path, template = target / "tokenizer_config.json", target / "chat_template.jinja"
    config = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if chat_template is None and isinstance(config.get("chat_template"), str) and not template.is_file():
        chat_template = config["chat_template"]
    if chat_template is not None:
        # In one place only: of two, transformers and llama.cpp's converter prefer different ones.
        config.pop("chat_template", None)
        template.write_text(chat_template, encoding="utf-8")
    path.write_text(json.dumps(config, ensure_ascii=False, indent=2), encoding="utf-8")


def _convert_gguf(path: Path, tokenizer: Path, folder: Path) -> None:
    try:
        loaded = AutoModelForCausalLM.from_pretrained(
            path.parent,
            gguf_file=path.name,
            dtype=torch.bfloat16,
            # Otherwise the weights may stay in their blocks, and transformers refuses to save such a model.
            quantization_config=GgufConfig(dequantize=True),
            local_files_only=True,
        )
    except (ValueError, KeyError, NotImplementedError) as error:
        raise LintuneError(
            f"transformers cannot read the model in {path} ({error}). Use the original model's folder as base_model."
        ) from error
    special = {name: getattr(loaded.config, name, None) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    loaded.generation_config = GenerationConfig(**special)
    with atomic.new_folder(folder) as partial:
        loaded.save_pretrained(partial)
        copy_tokenizer(tokenizer, partial)
        field = GGUFReader(path).fields.get("general.license")
        if field is not None:
            (partial / _CARD).write_text(f"---\nlicense: {field.contents()}\n---\n", encoding="utf-8")


def _require_usable(folder: Path) -> None:
    """Raise LintuneError when a model folder needs code of its own, or has not all of its safetensors."""
    try:
        AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except (ValueError, KeyError, OSError) as error:
        raise LintuneError(
            f"transformers does not know the model in {folder}, or its config.json is broken. Code that "
            "comes with a model is never run. Use another base_model, or a newer transformers."
        ) from error
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        missing = sorted(name for name in names if not (folder / name).is_file())
        if missing:
            raise LintuneError(f"{folder} lacks {len(missing)} of its weight files: {missing[0]}. Fetch it again.")
    elif not (folder / "model.safetensors").is_file():
        pickled = any(folder.glob("*.bin")) or any(folder.glob("*.pt"))
        why = "only pickled weights, which could run code when loaded" if pickled else "no weights"
        raise LintuneError(f"{folder} holds {why}. Save the model as safetensors (model.safetensors).")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if "quantization_config" in config:
        raise LintuneError(
            f"The model in {folder} is quantized already, so an adapter cannot be merged into it exactly. "
            "Use the original, unquantized model; load_in_4bit: true quantizes it for training."
        )


def licence(weights: Path) -> str | None:
    """The licence that a model's card names in its head, if it does."""
    card = weights / _CARD
    lines = card.read_text(encoding="utf-8", errors="replace").splitlines() if card.is_file() else []
    for line in lines[:60]:
        if line.startswith("license:"):
            return line.removeprefix("license:").strip(" '\"")
    return None


def hub_id(name: str, weights: Path) -> str | None:
    """A base model's name on the hub; None of a folder or file of one's own. weights: its folder."""
    if starter := starter_models.by_name(name):
        return starter.id
    of_hub = re.fullmatch(r"[\w.-]+/[\w.-]+", name) and weights.is_relative_to(hub_cache())
    return name if of_hub else None


def size(folder: Path) -> int:
    """Bytes of a model's weights."""
    return sum(os.path.getsize(file) for file in folder.glob("*.safetensors"))  # noqa: PTH202 (follows links)
