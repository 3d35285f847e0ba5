"""Exports of tiny models: base, adapter, merged, GGUF, as the trainer writes them, without a training."""

from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model

from lintune_schemas import model_files
from lintune_schemas.chat import ChatTokenizer
from lintune_schemas.conversations import Conversation
from lintune_schemas.recipe import from_mapping
from lintune_trainer import adapter_gguf, data, export, models
from lintune_trainer.gguf_files import Origin, convert, quantize
from lintune_trainer.proof import Subject

from . import families

EXAMPLE = Path(__file__).parents[2] / "examples" / "smart-home" / "data"

DECIDED = {"initializer_range": 0.3, "max_position_embeddings": 1024}
"""Random weights of the usual size give all tokens nearly the same logit: which one is first then hangs on the last bit,
and two wrong models would be as near to each other as two right ones. With these, the first of the tiny models' tokens
is ahead of the second by half a unit, and the divergence of two models that are different is above 1."""


def conversations(file: str, folder: Path = EXAMPLE) -> list[Conversation]:
    """The samples of a data set."""
    recipe = from_mapping({"base_model": "model", "datasets": [{"path": file}]}, "recipe.yaml")
    return [sample.conversation for sample in data.read(recipe, folder).train[0].samples]


def long_conversation(parts: list[Conversation]) -> Conversation:
    """One of many turns."""
    turns = tuple(turn for part in parts for turn in part.turns if turn.role != "system")
    return Conversation(turns)


def write_adapter(weights: Path, folder: Path) -> None:
    """A random LoRA adapter on all linear layers, that changes what the model says."""
    torch.manual_seed(1)
    settings = LoraConfig(
        r=4, lora_alpha=8, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM"
    )
    tuned: Any = get_peft_model(models.load(weights, torch.float32), settings)
    tuned.save_pretrained(folder)


def write(folder: Path, weights: Path, quantization: str | None) -> tuple[Subject, ChatTokenizer]:
    """Everything that is proven of a model with its random adapter, in a folder that is there."""
    chat = model_files.load_tokenizer_folder(weights)
    subject = Subject(
        f16=folder / "model-f16.gguf",
        others=[folder / f"model-{quantization}.gguf"] if quantization else [],
        merged=folder / "merged",
        weights=weights,
        adapter=folder / "adapter",
        adapter_gguf=folder / "adapter.gguf",
        base_gguf=folder / "base.gguf",
    )
    write_adapter(weights, subject.adapter)
    export.merge(weights, subject.adapter, weights, chat, subject.merged)
    assert subject.adapter_gguf and subject.base_gguf
    convert(weights, subject.base_gguf, "f16", Origin("base"))
    adapter_gguf.write(subject.adapter, weights, subject.adapter_gguf)
    convert(subject.merged, subject.f16, "f16", Origin("tuned"))
    if quantization:
        quantize(subject.f16, subject.others[0], quantization)
    return subject, chat


def small(family: str, folder: Path) -> Path:
    """A tiny model of a family in a new folder."""
    more: dict[str, Any] = dict(DECIDED)
    if family == "gemma3":  # llama.cpp takes every sixth layer for one that sees all
        more |= {"num_hidden_layers": 6, "layer_types": ["sliding_attention"] * 5 + ["full_attention"]}
    families.write(family, folder, **more)
    return folder
