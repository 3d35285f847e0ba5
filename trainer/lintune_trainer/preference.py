"""Training on preference pairs with TRL: DPO, IPO and ORPO, and how well a model tells better answers from worse.

TRL brings the losses. Tokens, checkpoints, evaluations and events are those of all other runs.
"""

from __future__ import annotations

import functools
import inspect
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from datasets import Dataset
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerFast
from trl import DPOConfig, DPOTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer
from trl.trainer.utils import FusedCausalLMOutput

from lintune_schemas.chat import IGNORED_LABEL
from lintune_schemas.errors import LintuneError
from lintune_trainer import evaluation
from lintune_trainer.batches import padded, predicting
from lintune_trainer.pairs import Pair
from lintune_trainer.training import AtomicTrainer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from transformers import TrainerCallback, TrainingArguments

    from lintune_schemas.recipe import Recipe
    from lintune_trainer.data import Sample
    from lintune_trainer.evaluation import Score, Scores
    from lintune_trainer.job import Job

_BETA = 0.1
"""What TRL, and so Axolotl, takes for `rl_beta` and for `orpo_alpha` (the DPO paper's and the ORPO paper's choice)."""

_CERTAIN = -1e-6
"""The log-probability beyond which ORPO takes an answer to be certain: the odds of certainty are infinite."""


@dataclass(frozen=True, slots=True)
class PairScores:
    """How a model does on pairs."""

    chosen: Scores
    """On the better answers."""
    rejected: Scores
    """On the worse ones, in the same order."""
    loss: float
    """The method's own: of DPO ln 2 before training."""
    margins: tuple[float, ...]
    """By how much the reward of the better answer is above that of the worse, of each pair."""

    @property
    def each(self) -> tuple[Score, ...]:
        """Those of the better answers."""
        return self.chosen.each

    @property
    def prefers(self) -> tuple[bool, ...]:
        """Of each pair, whether the better answer is likelier than the worse one, each as a whole."""
        return tuple(good.nats < poor.nats for good, poor in zip(self.chosen.each, self.rejected.each, strict=True))

    @property
    def reward_margin(self) -> float:
        return sum(self.margins) / len(self.margins)

    @property
    def reward_accuracy(self) -> float:
        """The share of the pairs whose better answer has the higher reward; where both have the same, one half."""
        return sum((margin > 0) + 0.5 * (margin == 0) for margin in self.margins) / len(self.margins)

    def figures(self) -> dict[str, float]:
        """By the names that they have in an event."""
        return {
            **self.chosen.figures(),
            "eval_loss": self.loss,
            "reward_accuracy": self.reward_accuracy,
            "reward_margin": self.reward_margin,
        }


def evaluate(model: Any, pairs: Sequence[Sample], recipe: Recipe, batch_size: int) -> PairScores:
    """The scores of the pairs, of which there is at least one. `model`: with an adapter, or the base model."""
    chosen, rejected = _both(model, pairs, batch_size)
    if recipe.rl == "orpo":
        return _odds_ratio(chosen, rejected, _beta(recipe))
    if hasattr(model, "disable_adapter"):
        with model.disable_adapter():
            references = _both(model, pairs, batch_size)
    else:
        references = chosen, rejected
    return _against(references, chosen, rejected, recipe)


def _both(model: Any, pairs: Sequence[Sample], batch_size: int) -> tuple[Scores, Scores]:
    return (
        evaluation.evaluate(model, pairs, batch_size),
        evaluation.evaluate(model, _worse(pairs), batch_size),
    )


def _worse(pairs: Sequence[Sample]) -> list[Sample]:
    return [pair.rejected for pair in pairs if isinstance(pair, Pair)]


def _against(references: tuple[Scores, Scores], chosen: Scores, rejected: Scores, recipe: Recipe) -> PairScores:
    """DPO (Rafailov et al. 2023, equation 7) or IPO (Azar et al. 2023, equation 17), as TRL has them."""
    beta, smoothing = _beta(recipe), recipe.dpo_label_smoothing or 0.0
    losses, margins = [], []
    for good, poor, base_good, base_poor in zip(
        chosen.each, rejected.each, references[0].each, references[1].each, strict=True
    ):
        gained, lost = base_good.nats - good.nats, base_poor.nats - poor.nats
        margin = beta * (gained - lost)
        margins.append(margin)
        if recipe.rl == "ipo":
            losses.append((gained / good.tokens - lost / poor.tokens - 1 / (2 * beta)) ** 2)
        else:
            right, wrong = _softplus(-margin), _softplus(margin)
            losses.append(((1 - smoothing) * right - smoothing * wrong) / (1 - 2 * smoothing))
    return PairScores(chosen, rejected, sum(losses) / len(losses), tuple(margins))


def _odds_ratio(chosen: Scores, rejected: Scores, alpha: float) -> PairScores:
    """ORPO (Hong et al. 2024, equation 6)."""
    penalties, margins = [], []
    for good, poor in zip(chosen.each, rejected.each, strict=True):
        better, worse = min(-good.loss, _CERTAIN), min(-poor.loss, _CERTAIN)
        log_odds = better - worse - (math.log(-math.expm1(better)) - math.log(-math.expm1(worse)))
        penalties.append(_softplus(-log_odds))
        margins.append(alpha * (better - worse))
    return PairScores(chosen, rejected, chosen.loss + alpha * sum(penalties) / len(penalties), tuple(margins))


def _softplus(value: float) -> float:
    return max(value, 0.0) + math.log1p(math.exp(-abs(value)))


def _beta(recipe: Recipe) -> float:
    """How strongly pairs count. Of ORPO it is `orpo_alpha`, as in Axolotl `rl_beta` without that."""
    if recipe.rl == "orpo" and recipe.orpo_alpha is not None:
        return recipe.orpo_alpha
    return _BETA if recipe.rl_beta is None else recipe.rl_beta


class PairCollator:
    """Pads pairs on the right to the longest side among them.

    Batches hold `input_ids`, `attention_mask` and `completion_mask` (1 where a token is learned) of shape
    [2 * pairs, tokens]: first the sides with the better answers, then those with the worse, in the same order.
    """

    def __call__(self, pairs: Sequence[Sample]) -> dict[str, torch.Tensor]:
        batch = padded([*pairs, *_worse(pairs)])
        learned = (batch.pop("labels") != IGNORED_LABEL).long()
        return {**batch, "completion_mask": learned}


def trainer(
    model: Any, job: Job, arguments: Callable[..., TrainingArguments], callbacks: list[TrainerCallback]
) -> AtomicTrainer:
    """What trains the adapter of `model` by the recipe's method. arguments: given TRL's class and its own settings.

    Raises LintuneError for an adapter that TRL cannot train.
    """
    recipe = job.recipe
    # Dropout would make noise of DPO's comparisons, so TRL leaves it out; what a recipe asks for is done.
    own: dict[str, Any] = {"beta": _beta(recipe), "disable_dropout": not recipe.lora_dropout}
    if recipe.rl == "orpo":
        return _OrpoTrainer(model, job, arguments(ORPOConfig, max_length=recipe.sequence_len, **own), callbacks)
    smoothing = recipe.dpo_label_smoothing or 0.0
    kind = "ipo" if recipe.rl == "ipo" else "robust" if smoothing else "sigmoid"
    settings = arguments(DPOConfig, loss_type=[kind], label_smoothing=smoothing, max_length=None, **own)
    return _DpoTrainer(model, job, settings, callbacks)


class _PairTrainer(AtomicTrainer):
    """What is the same for all of TRL's trainers: pairs that are tokenized already, and our own evaluation."""

    def __init__(self, model: Any, job: Job, args: TrainingArguments, callbacks: list[TrainerCallback]) -> None:
        self._job = job
        # TRL takes Arrow tables only, and looks into them. The tokenizer is asked for what pads, which is masked.
        numbers = Dataset.from_dict({"number": list(range(len(job.train)))})
        nothing = Tokenizer(WordLevel({"": 0}, unk_token=""))
        try:
            super().__init__(
                model=model,
                args=args,
                data_collator=PairCollator(),
                train_dataset=numbers,
                eval_dataset=numbers if job.evaluation else None,
                processing_class=PreTrainedTokenizerFast(tokenizer_object=nothing, pad_token=""),
                callbacks=callbacks,
            )
        except ValueError as error:
            raise LintuneError(f"rl: {job.recipe.rl} cannot train this adapter ({error}).") from error
        self.train_dataset, self.eval_dataset, self.processing_class = job.train, job.evaluation or None, None

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """TRL's form with nothing filled in; the run has its own."""

    def scores(self) -> PairScores:
        return evaluate(self.model, self._job.evaluation, self._job.recipe, self.args.per_device_eval_batch_size)


class _DpoTrainer(_PairTrainer, DPOTrainer):  # type: ignore[misc] # skipped: not all of TRL has types
    """DPO and IPO. The reference model is the base model: the same weights with the adapter off."""

    def __init__(self, model: Any, *args: Any) -> None:
        trained = [(weights, weights.data) for weights in model.parameters() if weights.requires_grad]
        super().__init__(model, *args)
        model.delete_adapter("ref")  # a copy of the adapter that TRL would compare with instead
        for weights, data in trained:
            weights.data = data  # TRL rounds what is trained over 4-bit weights to bf16
        if model.device.type == "cpu":
            _score_learned_tokens_only(model.get_base_model())

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset


def _score_learned_tokens_only(model: Any) -> None:
    """Give a model that TRL has patched for its fused head one that makes no logits which nobody asks for.

    On GPUs TRL's kernels do so, too. On a CPU they score every token, and look at each logit several times for figures
    that TRL would log: a step of 8 pairs of 54 tokens on a Llama of 4 layers and 49,152 tokens took 5.6 s of one core,
    and takes 0.97 s (a 13th of the tokens is learned), with the same gradient.
    """
    patched, sparse = model.forward, _can_be_sparse(model)

    def forward(*args: Any, labels: Any = None, fused_lm_head: bool = False, **inputs: Any) -> Any:
        if not fused_lm_head:
            return patched(*args, **inputs)
        nats, positions, _ = _nats(patched, sparse, labels, *args, **inputs)
        likelihoods = torch.zeros(labels[:, 1:].shape, device=nats.device).index_copy(1, positions, -nats)
        unused = torch.zeros_like(likelihoods)
        return FusedCausalLMOutput(log_probs=likelihoods, entropy=unused, mean_logits=unused, is_top1=unused.bool())

    model.forward = functools.wraps(patched)(forward)


def _can_be_sparse(model: Any) -> bool:
    return "logits_to_keep" in inspect.signature(model.forward).parameters


def _nats(
    forward: Callable[..., Any], sparse: bool, labels: torch.Tensor, *args: Any, **inputs: Any
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The negative log-likelihood of each label, [samples, positions], 0 where there is none; the positions at which
    any sample has one, where that at i is about token i + 1; and the logits there.

    sparse: whether the model can make those logits alone.
    """
    positions = predicting(labels)
    if sparse:
        logits = forward(*args, **inputs, logits_to_keep=positions).logits
    else:
        logits = forward(*args, **inputs).logits[:, positions]
    targets = labels[:, positions + 1]
    nats = cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORED_LABEL, reduction="none")
    return nats.view(targets.shape), positions, logits


class _OrpoTrainer(_PairTrainer, ORPOTrainer):  # type: ignore[misc] # as above
    """ORPO, whose likelihood term is about what the hover marks as learned; TRL's counts the prompts, too."""

    @staticmethod
    def tokenize_row(row: dict[str, Any]) -> dict[str, Any]:
        return row

    def concatenated_forward(self, model: Any, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """Log-probabilities a token of the better and the worse answers, [pairs] each; their logits at the positions
        that count; and the mean negative log-likelihood of the better answers' tokens."""
        labels = batch["input_ids"].masked_fill(batch["completion_mask"] == 0, IGNORED_LABEL)
        inputs = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"], "use_cache": False}
        nats, _, logits = _nats(model, _can_be_sparse(self.model.get_base_model()), labels, **inputs)
        counts = (labels[:, 1:] != IGNORED_LABEL).sum(1)
        likelihoods = (-nats.sum(1) / counts).clamp(max=_CERTAIN)
        pairs = len(counts) // 2
        loss = nats[:pairs].sum() / counts[:pairs].sum()
        return likelihoods[:pairs], likelihoods[pairs:], logits[:pairs].detach(), logits[pairs:].detach(), loss
