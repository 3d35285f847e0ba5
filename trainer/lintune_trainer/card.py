"""What a run says of itself in files: eval.json and the model card."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from lintune_schemas import atomic
from lintune_trainer import models

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lintune_schemas.events import Evaluation, RunStarted
    from lintune_schemas.recipe import Recipe
    from lintune_trainer.data import Sample

EVALUATIONS = "eval.json"
CARD = "README.md"


def write_evaluations(folder: Path, evaluations: Sequence[Evaluation], samples: Sequence[Sample]) -> None:
    """eval.json: every evaluation of the run, in order; nothing without an eval set."""
    if not evaluations:
        return
    result = {
        "samples": len(samples),
        "trained_tokens": sum(sample.trained_tokens for sample in samples),
        "evaluations": [
            {
                "kind": made.kind.value,
                "step": made.step,
                "eval_loss": made.eval_loss,
                "perplexity": made.perplexity,
            }
            for made in evaluations
        ],
    }
    atomic.write_bytes(folder / EVALUATIONS, msgspec.json.format(msgspec.json.encode(result)) + b"\n")


def write(folder: Path, recipe: Recipe, weights: Path, started: RunStarted, evaluations: Sequence[Evaluation]) -> None:
    """The model card: where the model comes from, what it learned from, how, and how well."""
    name, licence = started.base_model, models.licence(weights)
    rank = "rank-stabilized " if recipe.peft_use_rslora else ""
    precision = "4-bit NF4" if recipe.load_in_4bit else "unquantized"
    batch = recipe.micro_batch_size * recipe.gradient_accumulation_steps
    quantizations = ", ".join(recipe.lintune.export.gguf) or "none"
    # JSON strings are YAML strings; a model's name may hold anything.
    head = ["---", f"base_model: {json.dumps(name)}", "library_name: peft", "tags: [lora, lintune]"]
    if licence:
        head.append(f"license: {json.dumps(licence)}")
    lines = [
        *head,
        "---",
        "",
        f"# {name}, fine-tuned",
        "",
        f"Run `{started.run}` of `{started.recipe}`. All settings: `recipe.lock.yaml`; the data's hashes: "
        "`dataset.lock.json`.",
        "",
        "| | |",
        "| --- | --- |",
        f"| Base model | {name} |",
        f"| Licence of the base model | {licence or 'not named in its files'} |",
        f"| Training samples | {started.samples:,} ({started.trained_tokens:,} learned tokens) |",
        f"| Evaluation samples | {started.eval_samples:,} |",
        f"| Adapter | {rank}LoRA, r {recipe.lora_r}, alpha {recipe.lora_alpha}, on {precision} weights |",
        f"| Steps | {started.total_steps:,} of {batch} samples |",
        f"| Learning rate | {recipe.learning_rate:g}, {recipe.lr_scheduler} |",
        f"| Sequence length | {recipe.sequence_len:,} |",
        f"| Seed | {recipe.seed} |",
        f"| Trained on | {started.device} |",
        f"| GGUF | {quantizations} |",
    ]
    if evaluations:
        lines += ["", "| Evaluation | Step | Loss | Perplexity |", "| --- | --- | --- | --- |"]
        lines += [
            f"| {made.kind.value} | {made.step:,} | {made.eval_loss:.4f} | {made.perplexity:.2f} |"
            for made in evaluations
        ]
    atomic.write_text(folder / CARD, "\n".join(lines) + "\n")
