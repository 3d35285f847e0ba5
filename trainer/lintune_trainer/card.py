"""The model card: what a run says of itself, as the Hugging Face hub reads one."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import yaml

from lintune_schemas import atomic, history, runs
from lintune_trainer import export, models, ollama, plot

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lintune_schemas.events import Evaluation, RunStarted
    from lintune_schemas.recipe import Recipe

CARD = "README.md"
_LIBRARIES = ("torch", "transformers", "peft", "bitsandbytes", "trl")
_NAMES = {"baseline": "base model", "checkpoint": "checkpoint", "final": "tuned model"}
_HASH = 16
"""How many characters of a hash are shown; dataset.lock.json has it whole."""


def write(run: Path, recipe: Recipe, weights: Path) -> None:
    """The model card: where the model comes from, what it learned from, how, how well, and how to use it.

    All of it is what the run's events and lock files say. weights: the base model's folder. Raises OSError.
    """
    atomic.write_text(run / CARD, "\n".join(_Card(run, recipe, weights).lines()) + "\n")


class _Card:
    def __init__(self, run: Path, recipe: Recipe, weights: Path) -> None:
        self._run = run
        self._recipe = recipe
        self._weights = weights
        self._lock = runs.read_dataset_lock(run) or runs.DatasetLock("")
        self._history = history.of(runs.read_events(run))
        assert self._history.started is not None
        self._started: RunStarted = self._history.started
        self._licence = models.licence(weights)

    def lines(self) -> Iterator[str]:
        started = self._started
        yield "---"
        yield yaml.safe_dump(self._head(), sort_keys=False, allow_unicode=True, width=120).rstrip("\n")
        yield "---"
        yield ""
        yield f"# {started.base_model}, fine-tuned"
        yield ""
        yield f"Run `{started.run}` of `{started.recipe}`, trained with Lintune. Every setting: `{runs.RECIPE_LOCK}`."
        yield from self._evaluation()
        yield from self._warnings()
        yield from self._use()
        yield from self._data()
        yield from self._training()

    def _head(self) -> dict[str, Any]:
        """What the hub reads. A base model, data or figure that it could not make sense of is left out."""
        head: dict[str, Any] = {}
        if name := models.hub_id(self._started.base_model, self._weights):
            head["base_model"] = name
            head["base_model_relation"] = "adapter"
        head |= {"library_name": "peft", "pipeline_tag": "text-generation"}
        head["tags"] = ["qlora" if self._recipe.load_in_4bit else "lora", self._recipe.rl or "sft", "lintune"]
        if self._licence:
            head["license"] = self._licence
        if final := self._history.final:
            head["model-index"] = [{"name": self._started.run, "results": [self._result(final)]}]
        return head

    def _result(self, final: Evaluation) -> dict[str, Any]:
        paths = ", ".join(locked.path for locked in self._lock.test)
        metrics: list[dict[str, Any]] = [
            {"type": "loss", "name": "Loss", "value": final.eval_loss},
            {"type": "perplexity", "name": "Perplexity", "value": final.perplexity},
        ]
        if final.token_accuracy is not None:
            metrics.append({"type": "accuracy", "name": "Token accuracy", "value": round(final.token_accuracy, 4)})
        if final.exact_match is not None:
            metrics.append({"type": "exact_match", "name": "Exact match", "value": round(final.exact_match, 4)})
        return {
            "task": {"type": "text-generation", "name": "Text generation"},
            "dataset": {"type": "json", "name": paths or "held out of the training data"},
            "metrics": metrics,
        }

    def _evaluation(self) -> Iterator[str]:
        found = self._history
        if not found.evaluations:
            return
        measured = {
            "Token accuracy": [made.token_accuracy for made in found.evaluations],
            "Exact match": [made.exact_match for made in found.evaluations],
            "Reward accuracy": [made.reward_accuracy for made in found.evaluations],
        }
        shown = {name: values for name, values in measured.items() if any(value is not None for value in values)}
        yield from _heading("Evaluation")
        head = ["", "Step", "Loss", "Perplexity", *shown]
        yield _row(head)
        yield _row(["---"] + ["---:"] * (len(head) - 1))
        for number, made in enumerate(found.evaluations):
            best = " (best)" if made is found.best and len(found.evaluations) > 2 else ""
            cells = [f"{_NAMES[made.kind]}{best}", f"{made.step:,}", f"{made.eval_loss:.4f}", f"{made.perplexity:,.2f}"]
            yield _row([*cells, *(_share(values[number]) for values in shown.values())])
        yield ""
        method = self._recipe.rl
        unit = f"the loss is that of {method.upper()}" if method else "losses in nats per learned token"
        yield f"On {_count(self._started.eval_samples, 'sample')}; {unit}."
        if (self._run / plot.PICTURES[0]).is_file():
            yield ""
            yield f"![Training and evaluation loss over the steps]({plot.PICTURES[0]})"

    def _warnings(self) -> Iterator[str]:
        if self._history.warnings:
            yield from _heading("Warnings of the run")
            yield from (f"- {' '.join(made.message.split())}" for made in self._history.warnings)

    def _use(self) -> Iterator[str]:
        gguf = self._gguf()
        merged = export.merged_folder(self._run)
        yield from _heading("How to use")
        if merged.is_dir():
            chats = (merged / "chat_template.jinja").is_file()
            yield "With transformers, in this folder:"
            yield from _block("python", _CHAT if chats else _COMPLETION)
        else:
            yield "With transformers and PEFT, in this folder:"
            yield from _block("python", _ADAPTER)
        if gguf is None:
            return
        yield ""
        yield "With llama.cpp:"
        yield from _block("sh", [f"llama-cli -m {gguf}"])
        if (self._run / ollama.NAME).is_file():
            yield ""
            yield f"With Ollama, by the `{ollama.NAME}` in this folder:"
            yield from _block("sh", ["ollama create tuned && ollama run tuned"])
        if self._history.verified and self._history.verified.ok:
            yield ""
            yield "llama.cpp gives the tokens and answers of the model that was trained: `verify.json` has the proof."

    def _gguf(self) -> str | None:
        """The file to use: the first one that the recipe asks for, else any."""
        wanted = [export.gguf_file(self._run, name) for name in self._recipe.lintune.export.gguf]
        files = [*wanted, *sorted(self._run.glob("model-*.gguf"))]
        return next((file.name for file in files if file.is_file()), None)

    def _data(self) -> Iterator[str]:
        started = self._started
        yield from _heading("Data")
        tokens = f"{_count(started.samples, 'training sample')}, {started.trained_tokens:,} learned tokens"
        yield f"{tokens}; {_count(started.eval_samples, 'sample')} to evaluate with."
        if warm := started.warm_start:
            yield ""
            yield (
                f"The run went on from the adapter of `{warm.run}`: with {_count(warm.new, 'sample')} that were new "
                f"to it, and {warm.replayed:,} that it had seen."
            )
        files = [(locked, "train") for locked in self._lock.train] + [
            (locked, "evaluate") for locked in self._lock.test
        ]
        if not files:
            return
        yield ""
        yield _row(["File", "Use", "Format", "Samples", "SHA-256 of the samples"])
        yield _row(["---", "---", "---", "---:", "---"])
        for locked, use in files:
            digest = f"`{locked.content_hash[:_HASH]}…`"
            yield _row([f"`{locked.path}`", use, locked.format, f"{locked.samples:,}", digest])

    def _training(self) -> Iterator[str]:
        yield from _heading("Training")
        yield _row(["", ""])
        yield _row(["---", "---"])
        yield from (_row([key, value]) for key, value in self._settings() if value)

    def _settings(self) -> Iterator[tuple[str, str]]:
        recipe, started, found = self._recipe, self._started, self._history
        stopped = "" if found.step >= started.total_steps else f" of {started.total_steps:,}"
        warmup = recipe.warmup_steps or recipe.warmup_ratio
        yield "Base model", started.base_model
        yield "Its licence", self._licence or "not named in its files"
        yield "Adapter", _adapter(recipe)
        yield "Method", f"{recipe.rl.upper()} on preference pairs" if recipe.rl else ""
        yield "Steps", f"{found.step:,}{stopped}"
        yield "Batch", f"{recipe.micro_batch_size} × {recipe.gradient_accumulation_steps} accumulated"
        yield (
            "Learning rate",
            f"{recipe.learning_rate:g}, {recipe.lr_scheduler}{f', warm-up {warmup:g}' if warmup else ''}",
        )
        yield "Weight decay", f"{recipe.weight_decay:g}" if recipe.weight_decay else ""
        yield "NEFTune", f"{recipe.neftune_noise_alpha:g}" if recipe.neftune_noise_alpha else ""
        yield "Sequence length", f"{recipe.sequence_len:,}{', packed' if recipe.sample_packing else ''}"
        yield "Seed", str(recipe.seed)
        yield "Trained on", f"{started.device}{'' if started.backend == 'builtin' else f', by {started.backend}'}"
        yield "Took", _duration(found.seconds)
        yield "Memory at the most", f"{found.memory_bytes / 1e9:.1f} GB" if found.memory_bytes else ""
        yield "Libraries", ", ".join(_versions())


_CHAT = [
    "from transformers import pipeline",
    "",
    'tuned = pipeline("text-generation", model="merged")',
    'print(tuned([{"role": "user", "content": "…"}])[0]["generated_text"][-1]["content"])',
]
_COMPLETION = [
    "from transformers import pipeline",
    "",
    'tuned = pipeline("text-generation", model="merged")',
    'print(tuned("…", return_full_text=False)[0]["generated_text"])',
]
_ADAPTER = [
    "from peft import AutoPeftModelForCausalLM",
    "",
    'tuned = AutoPeftModelForCausalLM.from_pretrained("adapter")',
]


def _adapter(recipe: Recipe) -> str:
    kind = "DoRA" if recipe.peft_use_dora else "LoRA"
    rank = "rank-stabilized " if recipe.peft_use_rslora else ""
    precision = "4-bit NF4" if recipe.load_in_4bit else "unquantized"
    dropout = f", dropout {recipe.lora_dropout:g}" if recipe.lora_dropout else ""
    return f"{rank}{kind}, r {recipe.lora_r}, alpha {recipe.lora_alpha}{dropout}, on {precision} weights"


def _versions() -> Iterator[str]:
    for library in _LIBRARIES:
        try:
            yield f"{library} {version(library)}"
        except PackageNotFoundError:
            continue


def _heading(title: str) -> Iterator[str]:
    yield from ("", f"## {title}", "")


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _block(language: str, lines: Sequence[str]) -> Iterator[str]:
    yield from ("", f"```{language}", *lines, "```")


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
