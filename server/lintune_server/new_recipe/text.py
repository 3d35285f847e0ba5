"""A draft as YAML, with its reasons as comments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.new_recipe.settings import Draft

_BLOCKS = (
    ("adapter", "load_in_4bit", "lora_r", "lora_alpha", "lora_dropout", "lora_target_linear", "peft_use_rslora"),
    ("micro_batch_size", "gradient_accumulation_steps", "gradient_checkpointing"),
    ("num_epochs", "learning_rate", "lr_scheduler", "warmup_ratio", "optimizer", "bf16", "seed"),
    ("logging_steps", "evals_per_epoch", "saves_per_epoch"),
)
"""What is looked for together stands together."""


def written(draft: Draft, about_model: str, about_data: str) -> str:
    """The text of the recipe. about_model, about_data: a phrase about each."""
    values = msgspec.to_builtins(draft.recipe)
    lines = ["# Written by lintune init. Every value is a suggestion: what is said behind it is why."]
    lines += [_line("base_model", values["base_model"], about_model)]
    if draft.recipe.chat_template_jinja:
        lines += [
            _line("chat_template", values["chat_template"], draft.reasons["chat_template"]),
            "chat_template_jinja: " + _quoted(draft.recipe.chat_template_jinja),
        ]
    lines += ["", *_files("datasets", values["datasets"], about_data)]
    if values["test_datasets"]:
        lines += _files("test_datasets", values["test_datasets"], "not trained on: they show over-fitting")
    else:
        lines += [_of(draft, "val_set_size", values)]
    lines += [_of(draft, "sequence_len", values)]
    for block in _BLOCKS:
        lines += ["", *(_of(draft, key, values) for key in block if key in draft.reasons and values[key] is not False)]
    own = draft.recipe.lintune
    lines += [
        "",
        "lintune:",
        "  " + _line("train_on_save", own.train_on_save, draft.reasons["train_on_save"]),
        "  export: {gguf: [q4_k_m]}  # what llama.cpp runs: a third of the size, hardly worse",
        f"  preview: {{max_tokens: {own.preview.max_tokens}, temperature: 0}}  # answers shown in the editor",
    ]
    return "\n".join(lines) + "\n"


def _of(draft: Draft, key: str, values: dict[str, Any]) -> str:
    return _line(key, values[key], draft.reasons[key])


def _line(key: str, value: object, why: str) -> str:
    return f"{key}: {_scalar(value)}" + (f"  # {why}" if why else "")


def _files(key: str, entries: list[dict[str, Any]], why: str) -> Iterator[str]:
    yield f"{key}:" + (f"  # {why}" if why else "")
    for entry in entries:
        for number, (name, value) in enumerate(entry.items()):
            yield f"  {'-' if number == 0 else ' '} {name}: {_flow(value)}"


def _scalar(value: object) -> str:
    if isinstance(value, float):
        return _number(value)
    return _flow(value)


def _number(value: float) -> str:
    """As people write it, and so that YAML 1.1 reads it as a number: it takes 2e-4 for a text."""
    if 0 < abs(value) < 0.001:
        digits, _, exponent = f"{value:e}".partition("e")
        digits = digits.rstrip("0")
        return f"{digits}{'0' if digits.endswith('.') else ''}e{int(exponent)}"
    return f"{value:g}"


def _flow(value: object) -> str:
    """On one line, quoted where YAML needs it."""
    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


def _quoted(text: str) -> str:
    dumped: str = yaml.safe_dump(text, default_style='"', allow_unicode=True, width=10_000)
    return dumped.removesuffix("\n")
