"""Settings for a data set, a model and a machine, each with its reason in a few words."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from lintune_schemas import plan
from lintune_schemas.errors import LintuneError
from lintune_schemas.recipe import Dataset, Export, LintuneSection, Preview, Recipe
from lintune_server.hardware import memory
from lintune_server.hardware.estimate import estimate
from lintune_server.hardware.words import size, time
from lintune_server.lint.recipe_data import RecipeData
from lintune_server.new_recipe.data_file import Lengths

if TYPE_CHECKING:
    from lintune_schemas.model_facts import ModelFacts
    from lintune_server.hardware import Machine
    from lintune_server.hardware.estimate import Estimate
    from lintune_server.new_recipe.data_file import DataFile

PLAIN_TEMPLATE = (
    "{% for message in messages %}"
    "{{ (message['role'] | capitalize) + ': ' + message['content'] }}"
    "{{ eos_token if message['role'] == 'assistant' else '' }}{{ '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)
"""For a base model, which knows no chat template: words that it has seen, and the token with which it ends a text."""

_FEW, _SOME = 1_000, 10_000
"""Samples. Where the steps between ranks and epochs are is a matter of taste; their order is not."""
_ROOM = 0.9
"""Share of the memory that may be planned for: the estimate is within some 20 %, and the screen takes some, too."""
_WAYS = ((8, False), (4, False), (2, False), (8, True), (4, True), (2, True), (1, False), (1, True))
"""Samples at once, and whether activations are computed twice instead of kept."""
_AN_HOUR = 3_000
"""Seconds that a training without a GPU may take, rather less than the hour from which on HW702 warns."""
_ON_SAVE = 900
"""Seconds. Who saves and waits for an answer waits no longer than for a coffee."""
_FEWEST_STEPS = 60
"""Of the optimizer: a LoRA of one task has learned most of what it will after 50 to 100."""
_SMALL = 0.6e9
"""Parameters. Such models are tuned with rates about five times those of models of 7B (SmolLM2's authors: 1e-3 for
135M and 360M, 3e-4 for 1.7B)."""
_SHORT_RUN = 300
"""Steps in which an adapter has to get somewhere."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be trained on what, and where."""

    data: DataFile
    data_path: str
    """As the recipe writes it."""
    evaluation: tuple[DataFile, str] | None
    """The data set to evaluate with, and its path in the recipe."""
    model: str
    facts: ModelFacts | None
    machine: Machine

    @property
    def needs_template(self) -> bool:
        return self.data.templated and self.facts is not None and not self.facts.chat_template


@dataclass(slots=True)
class Draft:
    """A recipe, and why each of its values is what it is."""

    recipe: Recipe
    reasons: dict[str, str] = field(default_factory=dict)
    estimate: Estimate | None = None

    def set(self, key: str, value: Any, why: str = "") -> None:
        self.recipe = msgspec.structs.replace(self.recipe, **{key: value})
        self.reasons[key] = why


def sketch(wish: Wish) -> Recipe:
    """With what the tokens of the data depend on, and no more."""
    data: list[Dataset] = [wish.data.dataset(wish.data_path)]
    template = ("jinja", PLAIN_TEMPLATE) if wish.needs_template else (None, None)
    return Recipe(
        wish.model, datasets=data, chat_template=template[0], chat_template_jinja=template[1], sequence_len=1 << 30
    )


def draft(wish: Wish, lengths: Lengths) -> Draft:
    """All settings. lengths: of the samples to train on. Raises LintuneError when no setting fits the machine."""
    found = Draft(sketch(wish))
    found.reasons["chat_template"] = "a base model has none; this one needs no tokens that it never saw"
    samples = _evaluation(found, wish)
    _adapter(found, wish, samples)
    _length(found, wish, lengths)
    _fit(found, wish, lengths)
    _steps(found, samples)
    lengths = _learned_from(lengths, found.recipe.sequence_len)
    numbers = _numbers(found.recipe, wish, lengths, samples)
    if wish.machine.device is None:
        _within_an_hour(found, wish, numbers)
    _schedule(found, samples)
    if _is_short(found, samples) and wish.facts is not None and wish.facts.parameters < _SMALL:
        found.set("peft_use_rslora", True, "scales by alpha / √r: a small model with few steps can take more")
    found.estimate = estimate(found.recipe, wish.facts, numbers, wish.machine)
    _own_section(found, wish)
    return found


def _evaluation(found: Draft, wish: Wish) -> int:
    """Returns how many samples are left to train on."""
    samples = wish.data.samples
    if wish.evaluation is not None:
        data, path = wish.evaluation
        found.set("test_datasets", [data.dataset(path)])
        return samples
    # 20 samples at the least tell two models apart (DS504), 500 do so to a percent or two; a fifth is the most.
    few, many = math.ceil(2000 / samples) / 100, round(500 / samples, 3)
    share = min(max(few, min(0.05, many)), 0.2)
    held_out = max(round(share * samples), 1)
    found.set("val_set_size", share, f"about {held_out} samples are not trained on: they show over-fitting")
    return samples - held_out


def _adapter(found: Draft, wish: Wish, samples: int) -> None:
    device = wish.machine.device
    if device is not None and device.four_bit is False:
        found.set("adapter", "lora", "this GPU has no 4-bit kernels")
    else:
        found.set("adapter", "qlora", "the base model stays in 4 bits; only an adapter learns")
        found.set("load_in_4bit", True)
    rank = 16 if samples < _FEW else 32 if samples < _SOME else 64
    found.set("lora_r", rank, "more samples, more to learn: 16 under 1,000, 32 under 10,000, else 64")
    found.set("lora_alpha", 2 * rank, "twice r, as usual")
    found.set("lora_dropout", 0.05)
    found.set("lora_target_linear", True, "all linear layers: that matters more than r (the QLoRA paper)")


def _length(found: Draft, wish: Wish, lengths: Lengths) -> None:
    context = wish.facts.context_length if wish.facts else None
    # A tenth of the samples' length more is nothing; twice it for one sample in a hundred is paid by every batch.
    length = lengths.longest if lengths.longest <= max(2 * lengths.p99, 512) else lengths.p99
    limit = min(_rounded(length), context) if context else _rounded(length)
    over = lengths.over(limit)
    longest = f"the longest sample has {lengths.longest:,} tokens"
    why = longest if lengths.exact else f"{longest}, estimated from its characters"
    found.set("sequence_len", limit, f"{over:,} samples are longer and left out; {why}" if over else why)


def _rounded(length: int) -> int:
    return max(math.ceil(length / 64) * 64, 64)


def _fit(found: Draft, wish: Wish, lengths: Lengths) -> None:
    """The largest batch that fits, first without computing activations twice; then without the longest samples."""
    room = wish.machine.room
    if room is None or _needed(found, wish) is None:
        found.set("micro_batch_size", 2, "what takes how much memory is not known for this model")
        found.set("gradient_checkpointing", True, "computes activations twice, which takes less memory")
        return
    for length in dict.fromkeys((found.recipe.sequence_len, _rounded(lengths.p99))):
        if length < found.recipe.sequence_len:
            found.set("sequence_len", length, "99 % of the samples are no longer; the others would not fit")
        for batch, twice in _WAYS:
            if batch > 4 and wish.machine.device is None:
                continue  # a CPU is as fast with few
            found.set("micro_batch_size", batch)
            found.set("gradient_checkpointing", twice, "computes activations twice, to fit" if twice else "")
            needed = _needed(found, wish)
            if needed is not None and needed <= _ROOM * room:
                where = "GPU" if wish.machine.device else "machine"
                found.reasons["micro_batch_size"] = f"at most {size(needed)} of the {where}'s {size(room)}"
                return
    raise LintuneError(
        f"{wish.model} takes about {size(_needed(found, wish) or 0)} to train on samples of "
        f"{found.recipe.sequence_len:,} tokens, and there are {size(room)}. "
        "Choose a smaller model with --model, or say with --memory what GPU there will be."
    )


def _needed(found: Draft, wish: Wish) -> int | None:
    """Bytes at the peak, of batches as large as the recipe allows."""
    batch = memory.largest_batch(found.recipe, None)
    needed = memory.estimate(found.recipe, wish.facts, wish.machine, batch) if wish.facts else None
    return needed.peak if needed else None


def _steps(found: Draft, samples: int) -> None:
    epochs = 3 if samples < _FEW else 2 if samples < _SOME else 1
    words = {3: "few samples are seen three times; more often, and they are learned by heart", 2: "", 1: ""}
    found.set("num_epochs", float(epochs), words[epochs])
    together = 8 if samples < 2 * _FEW else 16
    while together > 1 and epochs * math.ceil(samples / together) < _FEWEST_STEPS:
        together //= 2
    batch = min(found.recipe.micro_batch_size, together)
    found.set("micro_batch_size", batch, found.reasons["micro_batch_size"])
    found.set("gradient_accumulation_steps", together // batch, f"{together} samples a step")
    found.set("learning_rate", 2e-4, "the QLoRA paper's, for models up to 13B")


def _within_an_hour(found: Draft, wish: Wish, numbers: RecipeData) -> None:
    """Without a GPU: fewer epochs, or a part of one."""
    whole = estimate(found.recipe, wish.facts, numbers, wish.machine).seconds
    if whole is None or whole.likely <= _AN_HOUR:
        return
    epochs = found.recipe.num_epochs
    for _ in range(20):
        shorter = msgspec.structs.replace(found.recipe, num_epochs=epochs)
        seconds = estimate(shorter, wish.facts, numbers, wish.machine).seconds
        if seconds is None or seconds.likely <= _AN_HOUR:
            break
        epochs = max(math.floor(1000 * epochs * 0.95 * min(_AN_HOUR / seconds.likely, 1)) / 1000, 0.001)
    full = f"{found.recipe.num_epochs:g} would take about {time(whole.likely)} without a GPU"
    found.set("num_epochs", epochs, full)


def _schedule(found: Draft, samples: int) -> None:
    recipe = found.recipe
    steps, short = plan.plan(recipe, samples).total_steps, _is_short(found, samples)
    found.set("lr_scheduler", "cosine")
    found.set("warmup_ratio", 0.1 if short else 0.03, f"of {steps:,} steps")
    found.set("optimizer", "adamw_torch")
    found.set("bf16", "auto", "where the device has it")
    found.set("seed", 42)
    found.set("logging_steps", 1 if short else 10)
    # In a run that is over before its first epoch is, once at the end of it.
    a_run = 1 if recipe.num_epochs >= 1 else math.ceil(1 / recipe.num_epochs)
    found.set("evals_per_epoch", a_run)
    found.set("saves_per_epoch", a_run)


def _is_short(found: Draft, samples: int) -> bool:
    return plan.plan(found.recipe, samples).total_steps < _SHORT_RUN


def _own_section(found: Draft, wish: Wish) -> None:
    seconds = found.estimate.seconds if found.estimate else None
    quick = seconds is not None and seconds.likely <= _ON_SAVE
    if seconds is None:
        found.reasons["train_on_save"] = "true: each save of a data set starts a training"
    else:
        found.reasons["train_on_save"] = f"a training takes about {time(seconds.likely)} here"
    answer = math.ceil(wish.data.answer / 3 / 32) * 32
    found.recipe = msgspec.structs.replace(
        found.recipe,
        lintune=LintuneSection(
            train_on_save=quick,
            export=Export(["q4_k_m"]),
            preview=Preview(max_tokens=min(max(answer, 32), 512), temperature=0),
        ),
    )


def _learned_from(lengths: Lengths, limit: int) -> Lengths:
    """Without the samples that are left out."""
    kept = tuple(value for value in lengths.values if value <= limit)
    if len(kept) == len(lengths.values) or not kept:
        return lengths
    total = sum(kept)
    learned = round(lengths.learned * total / lengths.total)
    return Lengths(kept[-1], min(lengths.p99, kept[-1]), total, learned, lengths.exact, kept)


def _numbers(recipe: Recipe, wish: Wish, lengths: Lengths, samples: int) -> RecipeData:
    share = samples / max(wish.data.samples, 1)
    evaluation = wish.evaluation[0].samples if wish.evaluation else wish.data.samples - samples
    return RecipeData(
        max(round(share * len(lengths.values)), 1),
        evaluation,
        round(share * lengths.total),
        round(share * lengths.learned),
        min(lengths.longest, recipe.sequence_len),
        lengths.p99,
    )
