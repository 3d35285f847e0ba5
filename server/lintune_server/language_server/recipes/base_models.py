"""Base models that a recipe could name, what is known of each, and what of them can be adapted."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lintune_schemas import model_facts, model_names, starter_models
from lintune_schemas.model_names import Origin, is_folder
from lintune_server.hardware import fitting
from lintune_server.language_server.recipes import data_files
from lintune_server.language_server.recipes.candidate import Candidate, Sort

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.model_facts import ModelFacts
    from lintune_schemas.starter_models import Starter

_RANKS = {Origin.FOLDER: 0, Origin.GGUF: 1, Origin.BUILT_IN: 2, Origin.HUB_CACHE: 3, Origin.STARTER: 4}

_LORA = msgspec.structs.replace(fitting.USUAL, adapter="lora", load_in_4bit=False)


def candidates(folder: Path | None, typed: str) -> Iterator[Candidate]:
    """Models on this machine, then those to begin with; once a path is typed, what is in that folder."""
    if folder and typed.startswith((".", "/", "~")):
        yield from _in_folder(folder, typed)
        return
    for one in model_names.candidates(folder or Path.home()):
        if folder is None and one.origin in (Origin.FOLDER, Origin.GGUF):
            continue
        yield Candidate(one.name, Sort.MODEL, detail=one.phrase, page=_page(one, folder), rank=_RANKS[one.origin])


def _page(one: model_names.Candidate, folder: Path | None) -> str:
    if one.origin is Origin.STARTER:
        return _starter_page(one.name)
    facts = model_facts.facts_of(one.name, folder or Path.home())
    return model_page(facts, starter_models.by_name(one.name)) if facts else ""


@cache
def _starter_page(name: str) -> str:
    """Of dozens of models at once: what fits where is worked out once."""
    starter = starter_models.by_name(name)
    return model_page(starter.facts, starter) if starter else ""


def _in_folder(folder: Path, typed: str) -> Iterator[Candidate]:
    start, prefix = data_files.typed_folder(folder, typed)
    for entry in data_files.listed(start):
        if entry.name.startswith("."):
            continue
        name = f"{prefix}{entry.name}"
        if entry.name.endswith(".gguf"):
            yield Candidate(name, Sort.MODEL, detail="GGUF file")
        elif is_folder(entry):
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
    """On which GPUs it can be trained, of those that many people have."""
    lines = []
    for title, recipe in (("with QLoRA, in 4 bits", fitting.USUAL), ("with LoRA, in 16 bits", _LORA)):
        sizes = [f"{size}" for size in fitting.SIZES if fitting.fits(facts, fitting.gpu(size), recipe)]
        lines.append(f"- {title}: {f'fits on {_listed(sizes)} GB' if sizes else 'needs more than 24 GB'}")
    return f"On a GPU, one sample of {fitting.USUAL.sequence_len:,} tokens at a time:\n" + "\n".join(lines)


def _listed(sizes: list[str]) -> str:
    return sizes[0] if len(sizes) == 1 else f"{', '.join(sizes[:-1])} and {sizes[-1]}"
