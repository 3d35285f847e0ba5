"""How good a model is on samples: loss, token accuracy and exact match, all from one pass and without generating."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import cross_entropy

from lintune_trainer.batches import Collator
from lintune_trainer.loss import trained_logits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_trainer.data import Sample

_FEWEST = 100
"""Samples, with which the standard error of a share is 5 points at most."""


def perplexity_of(loss: float) -> float:
    """Of a loss in nats a token."""
    return math.exp(min(loss, 50.0))  # beyond e^50 the figure means nothing, and JSON has no infinity


@dataclass(frozen=True, slots=True)
class Score:
    """One sample's."""

    nats: float
    """Negative log-likelihood, summed over the trained tokens."""
    tokens: int
    """Trained tokens; at least one."""
    right: int
    """Those of them that the model finds likeliest of all tokens."""

    @property
    def loss(self) -> float:
        """In nats a trained token."""
        return self.nats / self.tokens

    @property
    def exact(self) -> bool:
        return self.right == self.tokens


@dataclass(frozen=True, slots=True)
class Scores:
    """Those of a set of samples, in its order."""

    each: tuple[Score, ...]

    prefers = None
    """Samples are no pairs."""

    @property
    def loss(self) -> float:
        """The mean negative log-likelihood in nats over all trained tokens."""
        return sum(score.nats for score in self.each) / self._tokens

    @property
    def perplexity(self) -> float:
        return perplexity_of(self.loss)

    @property
    def token_accuracy(self) -> float:
        """The share of the trained tokens that the model finds likeliest."""
        return sum(score.right for score in self.each) / self._tokens

    @property
    def exact_match(self) -> float:
        """The share of the samples of which the model finds every trained token likeliest.

        The model sees the reference before each token (teacher forcing), so that as long as it is right this is what
        it would have written itself: of one answer, exactly when all tokens are right its greedy answer is the
        reference, token by token, the end included. Of a conversation of several turns each answer counts as if those
        before it were the reference's.
        """
        return sum(score.exact for score in self.each) / len(self.each)

    def figures(self) -> dict[str, float]:
        """By the names that they have in an event."""
        return {
            "eval_loss": self.loss,
            "perplexity": self.perplexity,
            "token_accuracy": self.token_accuracy,
            "exact_match": self.exact_match,
        }

    @property
    def _tokens(self) -> int:
        return sum(score.tokens for score in self.each)


@torch.no_grad()
def evaluate(model: Any, samples: Sequence[Sample], batch_size: int) -> Scores:
    """The scores of the samples, of which there is at least one. `model` comes back in the mode it was in."""
    was_training = model.training
    model.eval()
    collate = Collator(model)
    scores: dict[int, Score] = {}
    # Samples of like length together need the least padding.
    order = sorted(range(len(samples)), key=lambda index: len(samples[index].ids), reverse=True)
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        batch = collate([samples[index] for index in chosen])
        scores.update(zip(chosen, _of_batch(*trained_logits(model, batch), len(chosen)), strict=True))
    model.train(was_training)
    return Scores(tuple(scores[index] for index in range(len(samples))))


def _of_batch(logits: torch.Tensor, targets: torch.Tensor, rows: torch.Tensor, count: int) -> list[Score]:
    """The scores of a batch of so many samples; the tensors are those of `trained_logits`."""
    nats = cross_entropy(logits.float(), targets, reduction="none").double()
    right = (logits.argmax(-1) == targets).double()
    sums = torch.zeros((count, 3), dtype=torch.float64, device=logits.device)
    sums.index_add_(0, rows, torch.stack([nats, torch.ones_like(nats), right], 1))
    return [Score(nats, int(tokens), int(right)) for nats, tokens, right in sums.tolist()]


def on_the_way(samples: Sequence[Sample], trained_between: int, seed: int) -> list[Sample]:
    """Those to evaluate with while training goes on: all, or if that took too long some, each time the same.

    trained_between: tokens (prompt and answer) that are trained on from one evaluation to the next. An evaluation
    reads at most half as many, so that evaluations take about a fifth of the time: a token that is trained on needs a
    pass forward and one back, one that is evaluated only the first. But it reads at least 100 samples.
    """
    shuffled = list(range(len(samples)))
    random.Random(seed).shuffle(shuffled)  # noqa: S311 (not for secrets)
    chosen, tokens = set[int](), 0
    for index in shuffled:
        tokens += len(samples[index].ids)
        if tokens > trained_between // 2 and len(chosen) >= _FEWEST:
            break
        chosen.add(index)
    return [sample for index, sample in enumerate(samples) if index in chosen]
