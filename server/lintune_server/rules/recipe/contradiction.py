from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lintune_server.lint.findings import Range, Severity
from lintune_server.lint.problems import RecipeProblem
from lintune_server.lint.rule import recipe_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.recipe_source import RecipeSource


class _Pair(NamedTuple):
    """Two keys of which a run can carry out one. Shown at the second, which is the one to take out or to change."""

    kept: str
    other: str
    message: str
    severity: Severity | None = None


# What Axolotl 0.19 refuses (utils/schemas/validation.py), but for the warnings, where it goes on with one of the two.
_PAIRS = (
    _Pair("load_in_4bit", "load_in_8bit", "The base model can be loaded in 4 bits or in 8, not in both."),
    _Pair("bf16", "fp16", "bf16 and fp16 are two precisions: keep bf16 where the device has it, else fp16."),
    _Pair("warmup_steps", "warmup_ratio", "warmup_steps and warmup_ratio say the same in two ways: keep one."),
    _Pair("eval_steps", "evals_per_epoch", "eval_steps and evals_per_epoch say the same in two ways: keep one."),
    _Pair("save_steps", "saves_per_epoch", "save_steps and saves_per_epoch say the same in two ways: keep one."),
    _Pair(
        "test_datasets",
        "val_set_size",
        "The recipe has test_datasets to evaluate with: val_set_size would set training samples aside. Keep one.",
    ),
    _Pair(
        "gradient_accumulation_steps",
        "batch_size",
        "batch_size is micro_batch_size times gradient_accumulation_steps: with both of those, leave it out.",
    ),
    _Pair(
        "sample_packing",
        "batch_flattening",
        "sample_packing fills each row with samples, batch_flattening does without rows: keep one.",
    ),
    _Pair("deepspeed", "fsdp", "deepspeed and fsdp both spread the model over devices: keep one."),
    _Pair("deepspeed", "fsdp_config", "deepspeed and fsdp both spread the model over devices: keep one."),
    _Pair("gpu_memory_limit", "max_memory", "gpu_memory_limit and max_memory say the same in two ways: keep one."),
    _Pair("lr_groups", "loraplus_lr_ratio", "lr_groups and loraplus_lr_ratio both split the learning rate: keep one."),
)


@recipe_rule("RC607", Severity.ERROR)
def contradiction(source: RecipeSource) -> Iterator[RecipeProblem]:
    """
    ## What it does
    Reports keys that contradict each other: 4 bits and 8 bits, two precisions, two ways to say how long the warm-up is
    or how often to evaluate, samples to evaluate with from two places; and keys that need another one: `adapter: qlora`
    without `load_in_4bit`, early stopping without an evaluation, the best checkpoint without one that is saved when
    there is an evaluation. `max_steps` beside `num_epochs`, and packing without padding, are warnings.

    ## Why it hurts
    One of the two is not carried out. Axolotl refuses most of them minutes into a run; of the others nobody notices
    which one counted.

    ## Example
    ```yaml
    adapter: qlora
    load_in_8bit: true
    warmup_steps: 10
    warmup_ratio: 0.1
    ```

    ## Use instead
    ```yaml
    adapter: qlora
    load_in_4bit: true
    warmup_steps: 10
    ```

    ## Fix
    Adds `load_in_4bit: true` to `adapter: qlora`. Safe.
    """
    if source.mapping is None:
        return
    values = source.values
    yield from _quantization(source, values)
    for pair in _PAIRS:
        if _on(values.get(pair.kept)) and _on(values.get(pair.other)) and not _said(values, pair):
            yield RecipeProblem(pair.message, _entry(source, pair.other), severity=pair.severity)
    yield from _length(source, values)
    yield from _padding(source, values)
    yield from _strategies(source, values)
    yield from _best(source, values)
    if values.get("chat_template") == "jinja" and not values.get("chat_template_jinja"):
        message = "chat_template: jinja needs the template itself: write it under chat_template_jinja."
        yield RecipeProblem(message, _entry(source, "chat_template"))


def _on(value: object) -> bool:
    """Whether something is asked for: `auto` yields to whatever else is said."""
    return bool(value) and value != "auto"


def _said(values: dict[str, Any], pair: _Pair) -> bool:
    """Of qlora with 8 bits there is one thing to say."""
    return pair.other == "load_in_8bit" and values.get("adapter") == "qlora"


def _entry(source: RecipeSource, key: str) -> Range:
    return source.entry_range((), key)


def _quantization(source: RecipeSource, values: dict[str, Any]) -> Iterator[RecipeProblem]:
    four, eight = values.get("load_in_4bit") is True, values.get("load_in_8bit") is True
    if values.get("adapter") == "qlora":
        if eight:
            message = "adapter: qlora loads the base model in 4 bits: set load_in_4bit, and take load_in_8bit out."
            yield RecipeProblem(message, _entry(source, "load_in_8bit"))
        elif "load_in_4bit" in values and not four:
            message = "adapter: qlora is LoRA on a base model in 4 bits: set load_in_4bit: true, or adapter: lora."
            place = source.range_of(("load_in_4bit",))
            title = "Set load_in_4bit: true" if values["load_in_4bit"] is False else ""
            yield RecipeProblem(message, _entry(source, "load_in_4bit"), title, "true" if title else None, None, place)
        elif not four:
            message = "adapter: qlora is LoRA on a base model in 4 bits: add load_in_4bit: true, or set adapter: lora."
            entry = _entry(source, "adapter")
            yield RecipeProblem(message, entry, *_added(source, entry, "load_in_4bit: true"))
    elif (four or eight) and "adapter" not in values:
        key = "load_in_4bit" if four else "load_in_8bit"
        message = f"{key} without an adapter: quantized weights cannot be trained. Add adapter: qlora, or leave it out."
        yield RecipeProblem(message, _entry(source, key))


def _added(source: RecipeSource, entry: Range, line: str) -> tuple[str, str | None, None, Range | None]:
    """A fix that writes a line behind an entry at the top, where the entry is alone on its line."""
    text = source.line(entry.end.line)
    if entry.start.column or text[entry.end.column :].strip():
        return "", None, None, None
    end = "\r\n" if "\r\n" in source.text else "\n"
    return f"Add {line}", f"{end}{line}", None, Range(entry.end, entry.end)


def _length(source: RecipeSource, values: dict[str, Any]) -> Iterator[RecipeProblem]:
    # One epoch is no more than the default; a stream has no end but max_steps.
    streams = values.get("pretraining_dataset") or values.get("streaming")
    if values.get("max_steps") and values.get("num_epochs", 1) != 1 and not streams:
        message = f"num_epochs does not count: max_steps ends the run after {values['max_steps']} steps. Keep one."
        yield RecipeProblem(message, _entry(source, "num_epochs"), severity=Severity.WARNING)


def _padding(source: RecipeSource, values: dict[str, Any]) -> Iterator[RecipeProblem]:
    if values.get("sample_packing") is True and values.get("pad_to_sequence_len") is False:
        message = (
            "sample_packing without padding: packed rows of changing length leave gaps in the memory until it is full. "
            "Take pad_to_sequence_len: false out."
        )
        yield RecipeProblem(message, _entry(source, "pad_to_sequence_len"), severity=Severity.WARNING)


def _strategies(source: RecipeSource, values: dict[str, Any]) -> Iterator[RecipeProblem]:
    for what, often in (("eval", "evals_per_epoch"), ("save", "saves_per_epoch")):
        strategy = _strategy(values, what)
        steps = next((key for key in (f"{what}_steps", often) if values.get(key)), None)
        if strategy not in (None, "steps") and steps:
            message = f"{what}_strategy: {strategy} and {steps} contradict each other. Keep one."
            yield RecipeProblem(message, _entry(source, f"{what}_strategy"))
    asked = next((key for key in ("eval_steps", "eval_strategy") if values.get(key) not in (None, 0, False, "no")), "")
    if asked and values.get("val_set_size") == 0 and not _evaluates(values):
        message = f"{asked}, but nothing to evaluate with: set val_set_size: 0.05, or list a file under test_datasets."
        yield RecipeProblem(message, _entry(source, asked))


def _best(source: RecipeSource, values: dict[str, Any]) -> Iterator[RecipeProblem]:
    """Early stopping, and loading the best checkpoint at the end: each goes by evaluations of checkpoints."""
    key = next((key for key in ("early_stopping_patience", "load_best_model_at_end") if _on(values.get(key))), None)
    if key is None:
        return
    if not _evaluates(values):
        message = f"{key} needs samples to evaluate with: set val_set_size: 0.05, or list a file under test_datasets."
        yield RecipeProblem(message, _entry(source, key))
        return
    if _strategy(values, "eval") == "no":
        message = f"{key} needs evaluations, and eval_strategy: no turns them off."
        yield RecipeProblem(message, _entry(source, key))
        return
    evaluates, saves = _rhythm(values, "eval"), _rhythm(values, "save")
    if key == "early_stopping_patience" and not (evaluates == saves and evaluates in ("steps", "part")):
        message = f"{key} needs eval_steps and save_steps, where save_steps is eval_steps or a multiple of it."
        yield RecipeProblem(message, _entry(source, key))
    elif evaluates and saves and evaluates != saves:
        message = f"{key} needs checkpoints at evaluations: evaluate and save both by steps, or both by epochs."
        yield RecipeProblem(message, _entry(source, key))
    elif evaluates == "steps" and not _divides(values.get("eval_steps"), values.get("save_steps")):
        message = f"save_steps must be a multiple of eval_steps, so that each checkpoint is evaluated, for {key}."
        yield RecipeProblem(message, _entry(source, "save_steps"))
    elif evaluates == "part" and not _divides(values["saves_per_epoch"], values["evals_per_epoch"]):
        message = (
            f"evals_per_epoch must be a multiple of saves_per_epoch, so that each checkpoint is evaluated, for {key}."
        )
        yield RecipeProblem(message, _entry(source, "saves_per_epoch"))


def _evaluates(values: dict[str, Any]) -> bool:
    """Whether the recipe has samples to evaluate with."""
    return bool(values.get("test_datasets") or values.get("val_set_size"))


def _rhythm(values: dict[str, Any], what: str) -> str | None:
    """By what it evaluates or saves: `steps`, `part` (of an epoch), `epoch`; None when the recipe does not say."""
    if values.get(f"{what}_steps"):
        return "steps"
    if values.get(f"{what}s_per_epoch"):
        return "part"
    strategy = _strategy(values, what)
    return strategy if isinstance(strategy, str) and strategy != "best" else None


def _strategy(values: dict[str, Any], what: str) -> object:
    """`no` without quotes is false in YAML, and meant as it is written."""
    strategy = values.get(f"{what}_strategy")
    return "no" if strategy is False else strategy


def _divides(part: object, whole: object) -> bool:
    """Whether one number, or share of a run, is a multiple of another; what are no numbers is for RC603 to say."""
    if not isinstance(part, int | float) or not isinstance(whole, int | float) or not part:
        return True
    times = whole / part
    return (part < 1) == (whole < 1) and round(times) >= 1 and abs(times - round(times)) < 1e-6
