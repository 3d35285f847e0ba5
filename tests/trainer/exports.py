"""Exports of tiny models: base, adapter, merged, GGUF, as the trainer writes them, without a training."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

from lintune_schemas import model_files
from lintune_schemas.chat import ChatTokenizer
from lintune_schemas.conversations import Conversation
from lintune_schemas.recipe import from_mapping
from lintune_trainer import adapter_gguf, data, export, models
from lintune_trainer.gguf_files import Origin, convert, quantize
from lintune_trainer.proof import Proof, Subject, prove

from . import families

EXAMPLE = Path(__file__).parents[2] / "examples" / "smart-home" / "data"

_ATTENTION = 0.15
"""The standard deviation of random weights. With transformers' usual 0.02, attention takes all tokens alike, and a
wrong rotation or order of rows changes next to nothing."""


def conversations(file: str, folder: Path = EXAMPLE) -> list[Conversation]:
    """The samples of a data set."""
    recipe = from_mapping({"base_model": "model", "datasets": [{"path": file}]}, "recipe.yaml")
    return [sample.conversation for sample in data.read(recipe, folder).train[0].samples]


def long_conversation(parts: list[Conversation]) -> Conversation:
    """One of many turns."""
    turns = tuple(turn for part in parts for turn in part.turns if turn.role != "system")
    return Conversation(turns)


GENTLE = 1
"""The alpha of an adapter with which a real model still has favourites; the tiny ones, random themselves, take more."""


def write_adapter(weights: Path, folder: Path, alpha: int) -> None:
    """A random LoRA adapter on all linear layers, that changes what the model says."""
    torch.manual_seed(1)
    settings = LoraConfig(
        r=4, lora_alpha=alpha, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM"
    )
    tuned: Any = get_peft_model(models.load(weights, torch.float32), settings)
    tuned.save_pretrained(folder)


def decide(model: Path) -> Path:
    """Give a tiny model new random weights, with which it has a favourite among the next tokens.

    With those of the usual size all tokens get nearly the same logit: which is first hangs on the last bit, and two
    wrong models are as near to each other as two right ones. Here logits vary by 2.4, of one token in a hundred by 4.8;
    the first is ahead of the second by 1 or so.
    """
    torch.manual_seed(0)
    config = AutoConfig.from_pretrained(model)
    config.initializer_range = _ATTENTION
    config.max_position_embeddings = 1024
    decided: Any = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        head = decided.get_output_embeddings().weight
        head *= 0.3 / _ATTENTION
        head[::100] *= 2
    decided.save_pretrained(model)
    return model


def merge(subject: Subject, chat: ChatTokenizer) -> None:
    """Write the merged model as the trainer does."""
    export.merge(subject.weights, subject.adapter, subject.weights, chat, subject.merged)


def write(folder: Path, weights: Path, quantization: str | None, alpha: int = 8) -> tuple[Subject, ChatTokenizer]:
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
    write_adapter(weights, subject.adapter, alpha)
    merge(subject, chat)
    assert subject.adapter_gguf and subject.base_gguf
    convert(weights, subject.base_gguf, "f16", Origin("base"))
    adapter_gguf.write(subject.adapter, weights, subject.adapter_gguf)
    convert(subject.merged, subject.f16, "f16", Origin("tuned", template_writes_bos=export.writes_bos(chat)))
    if quantization:
        quantize(subject.f16, subject.others[0], quantization)
    return subject, chat


def small(family: str, folder: Path, layers: Sequence[str] = ()) -> Path:
    """A tiny model of a family in a new folder. layers: their kinds, of Gemma 3."""
    more: dict[str, Any] = {}
    if family == "gemma3":  # llama.cpp takes every sixth layer for one that sees all
        kinds = list(layers or ["sliding_attention"] * 5 + ["full_attention"])
        more = {"num_hidden_layers": len(kinds), "layer_types": kinds}
    families.write(family, folder, **more)
    return decide(folder)


class Row(NamedTuple):
    """How far GGUF files in llama.cpp are from the model in transformers: figures of the proof."""

    proof: Proof
    f16: Mapping[str, float]
    adapter: Mapping[str, float]
    """Of the adapter on the base model in F16."""


def row(subject: Subject, chat: ChatTokenizer, samples: int) -> Row:
    """The proof on so many samples, and a long conversation, beyond the windows of tiny models."""
    known = conversations("eval.jsonl")
    known = [*known[: samples - 1], long_conversation(known[:12])]
    found = prove(subject, chat, known, conversations("train.jsonl")[:50] if samples > len(known) else [])
    figures = {check.file: check.figures for check in found.checks if "kl_mean" in check.figures}
    assert subject.adapter_gguf
    return Row(found, figures[subject.f16.name], figures[subject.adapter_gguf.name])
