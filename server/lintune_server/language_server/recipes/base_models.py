"""Base models that a recipe could name, what is known of each, and what of them can be adapted."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lintune_schemas import model_facts, model_names, starter_models
from lintune_schemas.model_names import Origin
from lintune_schemas.recipe import Recipe
from lintune_server.hardware import memory
from lintune_server.hardware.activations import Batch
from lintune_server.hardware.machine import GIB, Device, Machine, Processor
from lintune_server.language_server.recipes import data_files
from lintune_server.language_server.recipes.candidate import Candidate, Sort

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.model_facts import ModelFacts
    from lintune_schemas.starter_models import Starter

_RANKS = {Origin.FOLDER: 0, Origin.GGUF: 1, Origin.BUILT_IN: 2, Origin.HUB_CACHE: 3, Origin.STARTER: 4}

_GPUS = (8, 16, 24)
"""GiB of memory that many people's GPUs have."""
_USABLE = 0.92
"""Of a GPU's memory: the rest is the desktop's, and gaps between blocks."""
_SEQUENCE = 2048
"""Tokens of a sample that are assumed where it is said what fits: room for a long question and its answer."""


def candidates(folder: Path | None, typed: str) -> Iterator[Candidate]:
    """Models on this machine, then those to begin with; once a path is typed, what is in that folder."""
    if folder and typed.startswith((".", "/", "~")):
        yield from _in_folder(folder, typed)
        return
    for one in model_names.candidates(folder or Path.home()):
        if folder is None and one.origin in (Origin.FOLDER, Origin.GGUF):
            continue
        facts = model_facts.facts_of(one.name, folder or Path.home())
        page = model_page(facts, starter_models.by_name(one.name)) if facts else ""
        yield Candidate(one.name, Sort.MODEL, detail=one.phrase, page=page, rank=_RANKS[one.origin])


def _in_folder(folder: Path, typed: str) -> Iterator[Candidate]:
    start, prefix = data_files.typed_folder(folder, typed)
    for entry in data_files.listed(start):
        if entry.name.startswith("."):
            continue
        name = f"{prefix}{entry.name}"
        if entry.name.endswith(".gguf"):
            yield Candidate(name, Sort.MODEL, detail="GGUF file")
        elif entry.is_dir():
            if (start / entry.name / "config.json").is_file():
                yield Candidate(name, Sort.MODEL, detail="model folder")
            yield Candidate(f"{name}/", Sort.FOLDER, rank=1)


def modules(base_model: str, folder: Path | None) -> Iterator[Candidate]:
    """The linear modules of a model's layers; none for a model that is not known."""
    facts = model_facts.facts_of(base_model, folder or Path.home()) if base_model else None
    if facts is None:
        return
    for name, (into, out) in facts.linear_modules.items():
        yield Candidate(name, Sort.MODULE, detail=f"{into:,} × {out:,} in each of {facts.layers} layers")


def model_page(facts: ModelFacts, starter: Starter | None = None) -> str:
    """What is known of a model, as Markdown."""
    words = [f"**{facts.parameters / 1e9:.3g}B parameters**"]
    if facts.context_length:
        words.append(f"context of {facts.context_length:,} tokens")
    words.append(f"{facts.layers} layers of {facts.hidden_size:,}")
    words.append(f"vocabulary of {facts.vocabulary_size:,}")
    parts = [" · ".join(words)]
    if starter:
        kind = "instruction-tuned" if starter.instruct else "a base model: it has no chat template of its own"
        parts.append(f"{starter.family}, {kind}. Good for {starter.strengths}. Licence: {starter.licence}.")
    elif not facts.chat_template:
        parts.append("It comes without a chat template, as base models do.")
    if facts.pickled_only:
        parts.append("**Its weights are pickles only**: they are not loaded, since a pickle can run any code.")
    return "\n\n".join([*parts, _fit(facts)]).rstrip()


def _fit(facts: ModelFacts) -> str:
    """On which GPUs it can be trained."""
    peaks = {name: _peak(name, facts) for name in ("qlora", "lora")}
    lines = []
    for name, peak in peaks.items():
        if peak is not None:
            fitting = [f"{size}" for size in _GPUS if peak <= size * GIB * _USABLE]
            where = f"fits on {_listed(fitting)} GB" if fitting else f"does not fit on {_GPUS[-1]} GB"
            title = "QLoRA (4 bits)" if name == "qlora" else "LoRA (16 bits)"
            lines.append(f"- {title}: about {peak / GIB:.1f} GB, {where}")
    if not lines:
        return ""
    return f"Trained on a GPU, one sample of {_SEQUENCE:,} tokens at a time:\n" + "\n".join(lines)


@cache
def _gpu() -> Machine:
    device = Device("nvidia", "GPU", memory=_GPUS[-1] * GIB, capability=(8, 6))
    return Machine("Linux", "x86_64", Processor("", 8), memory=64 * GIB, devices=(device,))


def _peak(adapter: str, facts: ModelFacts) -> int | None:
    """Bytes at the peak of a training with the usual settings."""
    width = min(_SEQUENCE, facts.context_length or _SEQUENCE)
    recipe = Recipe(
        "",
        adapter="qlora" if adapter == "qlora" else "lora",
        load_in_4bit=adapter == "qlora",
        sequence_len=width,
        lora_target_linear=True,
        gradient_checkpointing=True,
        bf16=True,
    )
    found = memory.estimate(recipe, facts, _gpu(), Batch(1, width, width))
    return found.peak if found else None


def _listed(sizes: list[str]) -> str:
    return sizes[0] if len(sizes) == 1 else f"{', '.join(sizes[:-1])} and {sizes[-1]}"
