"""Unsloth: its model, with its kernels, in our training loop.

What is relied upon, of its documentation: `FastLanguageModel.from_pretrained` gives a model and a tokenizer, and
`FastLanguageModel.get_peft_model` a PEFT model of it. Unsloth changes classes of transformers when it is imported, so
from then on nothing else is loaded in this process than what it loads.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from lintune_schemas.errors import LintuneError
from lintune_trainer import engines, process

if TYPE_CHECKING:
    from lintune_schemas.events import Evaluation
    from lintune_schemas.recipe import Recipe
    from lintune_trainer.job import Job

_INSTALL = (
    "lintune.backend: unsloth needs Unsloth, which is not installed here. Install it with: pip install unsloth. "
    "Or set lintune.backend: builtin."
)
_NO_GPU = (
    "lintune.backend: unsloth needs a GPU of NVIDIA or AMD, and none was found. Set lintune.backend: builtin, which "
    "trains on a CPU, too."
)
_AMD = Path("/dev/kfd")
"""What AMD's driver makes."""


@dataclass(frozen=True, slots=True)
class Unsloth:
    """One process on one GPU."""

    recipe: Recipe
    processes: int = 1
    backend: ClassVar[str] = "unsloth"

    def require_ready(self) -> None:
        """See `Engine`."""
        if not engines.installed("unsloth"):
            raise LintuneError(_INSTALL)
        if not process.count_gpus() and not _AMD.exists():
            raise LintuneError(_NO_GPU)
        if self.recipe.rl:
            raise LintuneError(
                f"rl: {self.recipe.rl} is trained by the built-in trainer or by Axolotl. Set lintune.backend: builtin."
            )
        if self.recipe.peft_use_dora:
            raise LintuneError("peft_use_dora: true is not for Unsloth. Take it out, or set lintune.backend: builtin.")

    def fine_tune(self, job: Job) -> list[Evaluation]:
        """See `Engine`."""
        from lintune_trainer import training

        job.model.release()
        return training.fine_tune(job, attach(job))


def attach(job: Job) -> Any:
    """Unsloth's PEFT model of the job's base model. Raises LintuneError for a model that it does not know."""
    from unsloth import FastLanguageModel  # type: ignore[import-not-found]

    recipe = job.recipe
    try:
        model, _ = FastLanguageModel.from_pretrained(
            model_name=str(job.weights),
            max_seq_length=recipe.sequence_len,
            dtype=job.device.dtype,
            load_in_4bit=recipe.load_in_4bit,
            trust_remote_code=False,
            use_exact_model_name=True,  # of some models it would fetch its own copy, quantized before
        )
        if job.adapter is not None:
            from lintune_trainer import adapter

            return _with_all_logits(adapter.load(model, job.adapter, trainable=True))
        tuned = FastLanguageModel.get_peft_model(
            model,
            r=recipe.lora_r,
            lora_alpha=recipe.lora_alpha,
            lora_dropout=recipe.lora_dropout,
            target_modules=_targets(model, recipe),
            modules_to_save=recipe.lora_modules_to_save,
            use_gradient_checkpointing="unsloth" if recipe.gradient_checkpointing else False,
            random_state=recipe.seed,
            use_rslora=recipe.peft_use_rslora,
            max_seq_length=recipe.sequence_len,
        )
    except (NotImplementedError, ValueError, RuntimeError, TypeError) as error:
        raise LintuneError(
            f"Unsloth cannot train {job.weights} by this recipe ({error}). Set lintune.backend: builtin."
        ) from error
    return _with_all_logits(tuned)


def _with_all_logits(model: Any) -> Any:
    """The same model, whose batches ask for the logits of all positions: of `logits_to_keep`, Unsloth's knows a count
    alone, where transformers' takes positions, too."""
    base = model.get_base_model()
    forward = base.forward

    def whole(input_ids: Any = None, attention_mask: Any = None, **others: Any) -> Any:
        return forward(input_ids=input_ids, attention_mask=attention_mask, **others)

    base.forward = whole
    return model


def _targets(model: Any, recipe: Recipe) -> list[str] | str:
    """The names of modules; of all linear layers, those that the model has, but for the one that gives the logits."""
    import torch

    if not recipe.lora_target_linear and recipe.lora_target_modules:
        return recipe.lora_target_modules
    output = model.get_output_embeddings()
    linear = {
        name.rsplit(".", 1)[-1]
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and module is not output
    }
    return sorted(linear)
