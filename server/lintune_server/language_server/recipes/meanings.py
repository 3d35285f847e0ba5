"""What a value of a recipe amounts to: the model that is named, the data, a rate, a rule, in words and numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintune_schemas import model_facts, starter_models
from lintune_schemas.recipe_keys import key_at
from lintune_server.hardware import words
from lintune_server.hardware.disk import BITS
from lintune_server.language_server.recipes import base_models, choices
from lintune_server.language_server.recipes.scalars import unquoted
from lintune_server.rules import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path as FilePath

    from lintune_server.language_server.recipes.nodes import Node, Path
    from lintune_server.language_server.recipes.outlook import FileNumbers, Outlook


@dataclass(frozen=True, slots=True)
class Place:
    """A value, and what is around it."""

    path: Path
    node: Node
    root: Node
    lines: Sequence[str]
    folder: FilePath | None
    outlook: Outlook | None

    @property
    def text(self) -> str:
        return self._text(self.node)

    @property
    def number(self) -> float | None:
        return _number(self.text)

    def number_of(self, key: str, default: float) -> float:
        """The number that a key of the top level has."""
        node = self.root.child(key)
        found = _number(self._text(node)) if node else None
        return default if found is None else found

    def text_of(self, key: str) -> str:
        node = self.root.child(key)
        return self._text(node) if node else ""

    def _text(self, node: Node) -> str:
        span = node.value
        return unquoted(self.lines[span.line][span.start : span.end]) if span else ""


def of(place: Place) -> str:
    """A sentence or a page; nothing where the value says it all."""
    match tuple(0 if isinstance(part, int) else part for part in place.path):
        case ("base_model",):
            return _base_model(place)
        case ("datasets" | "test_datasets", 0, "path"):
            return _data_set(place)
        case ("lora_target_modules", 0):
            return _module(place)
        case ("lintune", "lint", "select" | "ignore", 0) | ("lintune", "lint", "per-file-ignores", str(), 0):
            return _rule(place.text)
        case ("lintune", "export", "gguf", 0):
            return _quantization(place)
        case (str() as key,) if key in _OF_NUMBERS:
            number = place.number
            return _OF_NUMBERS[key](place, number) if number is not None and math.isfinite(number) else ""
    return _choice(place)


def _choice(place: Place) -> str:
    key = key_at(place.path)
    if key is None or not key.carried_out or place.text not in choices.known(key):
        return ""
    trained = place.text in choices.carried_out(key)
    return "" if trained else f"*The built-in trainer does not carry out `{place.text}`; Axolotl does.*"


def _base_model(place: Place) -> str:
    if place.folder is None:
        return ""
    facts = model_facts.facts_of(place.text, place.folder)
    if facts is None:
        return "*It is not on this machine, so nothing is known of it.*"
    return base_models.model_page(facts, starter_models.by_name(place.text))


def _data_set(place: Place) -> str:
    if place.folder is None:
        return ""
    if place.outlook is None:
        return "*Being read … hover again in a moment.*"
    numbers = place.outlook.files.get(place.text)
    return "*It could not be read here.*" if numbers is None else data_page(numbers)


def data_page(numbers: FileNumbers) -> str:
    """A data set in one line."""
    parts = [f"**{_count(numbers.samples, 'sample')}**"]
    if numbers.format:
        parts.append(numbers.format)
    if numbers.tokens is not None:
        parts.append(f"{_count(numbers.tokens, 'token')}, {numbers.trained_tokens or 0:,} learned")
        parts.append(f"the longest has {numbers.longest or 0:,}")
    return " · ".join(parts)


def _module(place: Place) -> str:
    known = base_models.modules(place.text_of("base_model"), place.folder)
    return next((one.detail for one in known if one.label == place.text.rpartition(".")[2]), "")


def _rule(code: str) -> str:
    from lintune_server.rule_book import BY_CODE  # the rules of recipes: not before they are asked for

    if code in BY_CODE:
        return f"**{code} {BY_CODE[code].name}**: {BY_CODE[code].summary}"
    if code in FAMILIES:
        return f"All rules of the family *{FAMILIES[code]}*."
    meant = [one for one in BY_CODE if code and one.startswith(code)]
    return f"Stands for {', '.join(meant)}." if meant else ""


def _quantization(place: Place) -> str:
    bits = BITS.get(place.text)
    name = place.text_of("base_model")
    facts = model_facts.facts_of(name, place.folder) if bits and name and place.folder else None
    size = f": a file of about {words.size(round(facts.parameters * bits / 8))}" if facts and bits else ""
    return f"About {bits:g} bits a parameter{size}." if bits else ""


def _learning_rate(place: Place, rate: float) -> str:
    """Written the other way: people compare rates as 2e-4, and read 0.0002 in logs."""
    if "e" in place.text.lower():
        return f"That is {rate:.12f}".rstrip("0") + "."
    mantissa, _, exponent = f"{rate:.2e}".partition("e")
    return f"That is {float(mantissa):g}e{int(exponent)}."


def _batch(place: Place, _: float) -> str:
    size, times = (place.number_of(key, 1) for key in ("micro_batch_size", "gradient_accumulation_steps"))
    return f"Each step learns from {size:g} × {times:g} = {_count(round(size * times), 'sample')}."


def _epochs(_: Place, epochs: float) -> str:
    return f"Each sample is seen {'once' if epochs == 1 else f'{epochs:g} times'}."


def _scale(place: Place, _: float) -> str:
    rank, alpha = place.number_of("lora_r", 16), place.number_of("lora_alpha", 32)
    if rank <= 0:
        return ""
    if place.text_of("peft_use_rslora") == "true":
        return f"The adapter counts with {alpha:g} / √{rank:g} = {alpha / math.sqrt(rank):.3g}."
    return f"The adapter counts with {alpha:g} / {rank:g} = {alpha / rank:.3g}."


def _sequence(place: Place, _: float) -> str:
    strategy = place.text_of("excess_length_strategy")
    what = {"truncate": "cut", "raise": "an error"}.get(strategy, "left out")
    lengths = [
        numbers.longest for numbers in (place.outlook.files.values() if place.outlook else ()) if numbers.longest
    ]
    longest = f" The longest has {max(lengths):,}." if lengths else ""
    return f"Samples with more tokens are {what}.{longest}"


def _held_out(_: Place, size: float) -> str:
    if size <= 0:
        return "No sample is held out."
    what = f"{size:.3g} of the" if size >= 1 else f"{100 * size:.3g} % of the"
    return f"{what} training samples are held out to evaluate with."


def _warmup(_: Place, steps: float) -> str:
    return f"The learning rate rises from 0 to its value in the first {_count(round(steps), 'step')}."


def _warmup_ratio(_: Place, share: float) -> str:
    return f"The learning rate rises from 0 to its value in the first {100 * share:.3g} % of the steps."


_OF_NUMBERS: dict[str, Callable[[Place, float], str]] = {
    "learning_rate": _learning_rate,
    "micro_batch_size": _batch,
    "gradient_accumulation_steps": _batch,
    "num_epochs": _epochs,
    "lora_r": _scale,
    "lora_alpha": _scale,
    "sequence_len": _sequence,
    "val_set_size": _held_out,
    "warmup_steps": _warmup,
    "warmup_ratio": _warmup_ratio,
}
"""What the number of a key of the top level amounts to."""


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
