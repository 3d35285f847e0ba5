"""No step is taken with a loss or a gradient that is no number, and the samples that made it so are named."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any

import torch

from lintune_trainer.batches import samples_of
from lintune_trainer.engines import ranks
from lintune_trainer.evaluation import Scores
from lintune_trainer.places import SamplesError, named, places

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lintune_schemas.events import SamplePlace
    from lintune_trainer.data import Sample
    from lintune_trainer.preference import PairScores

SAMPLES = "samples"
"""Under this name a batch carries the samples that it is made of."""

_OTHERS = 4
"""Samples of other batches that are tried, to tell a bad sample from a model that is beyond repair."""

LOWER = (
    "Lower learning_rate (a tenth is a good next try), set max_grad_norm: 1.0 if it is off, and train again. The "
    "checkpoints before are as they should be."
)


class FiniteSteps:
    """For a transformers Trainer, before it in the list of bases: it fails before a step that would ruin the adapter.

    Raises SamplesError.
    """

    accelerator: Any
    data_collator: Callable[[Any], dict[str, Any]]
    model: Any
    state: Any
    train_dataset: Sequence[Sample]
    _tr_loss: torch.Tensor

    recipe_folder: Path
    """Where paths of samples are relative to."""
    step_samples: Sequence[Sample] = ()
    """Those of the step that is being taken."""

    def __init__(self, *args: Any, data_collator: Callable[[Any], dict[str, Any]], **kwargs: Any) -> None:
        def carrying(samples: Sequence[Any]) -> dict[str, Any]:
            return {**data_collator(samples), SAMPLES: samples_of(samples)}

        super().__init__(*args, data_collator=carrying, **kwargs)  # type: ignore[call-arg] # of the Trainer

    def get_batch_samples(self, *args: Any) -> tuple[list[dict[str, Any]], Any]:
        """The batches of a step, as the model takes them."""
        batches, tokens = super().get_batch_samples(*args)  # type: ignore[misc] # of the Trainer
        self.step_samples = [sample for batch in batches for sample in batch.pop(SAMPLES)]
        return batches, tokens

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        """This is asked for when the gradients are complete, and before they are used."""
        norm = super()._get_grad_norm(model, grad_norm)  # type: ignore[misc] # of the Trainer
        # In fp16 gradients that overflow are usual: the scaler passes over the step, and scales less from then on.
        finite = math.isfinite(self._tr_loss) and (self.accelerator.scaler is not None or math.isfinite(norm))
        if ranks.any_says(not finite):
            raise self._failure(float(self._tr_loss))
        return norm

    def _save_checkpoint(self, *args: Any) -> None:
        require_finite_weights(self.model, self.state.global_step)
        super()._save_checkpoint(*args)  # type: ignore[misc] # of the Trainer

    def _failure(self, loss: float) -> SamplesError:
        """Which samples of the step alone give no number; or all, if they do so only together."""
        step = self.state.global_step + 1
        what = f"The loss became {loss}" if not math.isfinite(loss) else "The gradient became infinite"
        guilty = [sample for sample in self.step_samples if not self._gives_numbers(sample)]
        own = {id(sample) for sample in self.step_samples}
        rest = [sample for sample in samples_of(self.train_dataset) if id(sample) not in own]
        others = random.Random(step).sample(rest, min(_OTHERS, len(rest)))  # noqa: S311 (not for secrets)
        any_guilty = ranks.any_says(bool(guilty))
        others_do = ranks.any_says(any(self._gives_numbers(sample) for sample in others))
        found = ranks.gathered(places(guilty if any_guilty else self.step_samples, self.recipe_folder))
        if any_guilty and others_do:
            message = (
                f"{what} at step {step}, because of {named(found)}: other samples give numbers. {_correct(found)} and "
                "train again. The checkpoints before are as they should be."
            )
        elif any_guilty:
            message = f"{what} at step {step}, whatever the sample: training has diverged. {LOWER}"
        else:
            message = f"{what} at step {step} with {named(found)} together, though with none of them alone. {LOWER}"
        return SamplesError(message, found)

    def _gives_numbers(self, sample: Sample) -> bool:
        """Whether loss and gradient of one sample are finite. The gradient goes nowhere."""
        batch = self._prepare_inputs(self.data_collator([sample]))  # type: ignore[attr-defined] # of the Trainer
        batch.pop(SAMPLES)
        loss = self.compute_loss(self.model, batch)  # type: ignore[attr-defined] # of the Trainer
        if not math.isfinite(loss.detach()):
            return False
        trained = [weights for weights in self.model.parameters() if weights.requires_grad]
        gradients = torch.autograd.grad(loss, trained, allow_unused=True)
        return all(bool(gradient.isfinite().all()) for gradient in gradients if gradient is not None)


def require_finite_weights(model: Any, step: int) -> None:
    """Raise SamplesError when an adapter is no use any more: before it is written."""
    trained = (weights for weights in model.parameters() if weights.requires_grad)
    own = (weights.to_local() if hasattr(weights, "to_local") else weights for weights in trained)  # of FSDP: a shard
    if ranks.any_says(not all(bool(weights.isfinite().all()) for weights in own)):
        raise SamplesError(f"The adapter's weights overflowed at step {step}: training has diverged. {LOWER}", [])


def require_finite_scores(scores: Scores | PairScores, samples: Sequence[Sample], recipe_folder: Path) -> None:
    """Raise SamplesError for an evaluation that is no number."""
    if math.isfinite(scores.loss):
        return
    each = scores.each if isinstance(scores, Scores) else scores.chosen.each
    found = [sample for sample, score in zip(samples, each, strict=True) if not math.isfinite(score.nats)] or samples
    where = places(found, recipe_folder)
    if len(found) == len(samples):
        raise SamplesError(
            "The model's loss is no number on any evaluation sample. If this was before training, the base model is "
            f"broken or overflows in this precision: fetch it again, or set bf16: true. Otherwise: {LOWER}",
            where,
        )
    message = (
        f"The model's loss is no number on {named(where)}, and is one on the other evaluation samples. "
        f"{_correct(where)} and train again."
    )
    raise SamplesError(message, where)


def _correct(found: Sequence[SamplePlace]) -> str:
    return "Correct that sample or take it out," if len(found) == 1 else "Correct those samples or take them out,"
