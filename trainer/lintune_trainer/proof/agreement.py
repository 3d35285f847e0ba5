"""How far two models agree on the next token: divergence, the likeliest token, perplexity."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from lintune_trainer.proof.llama import Logits

_ROWS = 256
"""Positions that are compared at once: 256 MiB for each of the distributions with Gemma's vocabulary."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of some positions."""

    positions: int
    kl_mean: float
    """KL(reference ‖ other) of the next token's distribution, in nats."""
    kl_99: float
    """The divergence that 99 % of the positions do not exceed."""
    kl_max: float
    top1: float
    """The share of the positions where both find the same token likeliest."""
    perplexity: float
    """Of the reference, on the tokens that did follow."""
    other_perplexity: float

    @property
    def perplexity_ratio(self) -> float:
        return self.other_perplexity / self.perplexity


def agreement(
    pairs: Iterable[tuple[Logits, Logits]],
    following: Sequence[Sequence[int]],
) -> Agreement:
    """Compare logits, passage by passage; the pairs may come from a generator, and are not kept.

    pairs: of each passage the logits of reference and other, [positions, vocabulary]. following: of each passage the
    token after each position. A vocabulary that one of the two pads to a longer one is compared as far as both go.
    """
    divergences: list[Any] = []
    same = 0
    loss = other_loss = 0.0
    for (reference, other), tokens in zip(pairs, following, strict=True):
        for first in range(0, len(tokens), _ROWS):
            rows = slice(first, first + _ROWS)
            kl, equal, nll, other_nll = _compare(reference[rows], other[rows], tokens[first : first + _ROWS])
            divergences.append(kl)
            same += equal
            loss, other_loss = loss + nll, other_loss + other_nll
    kl = np.concatenate(divergences) if divergences else np.zeros(1)
    count = max(sum(len(tokens) for tokens in following), 1)
    return Agreement(
        positions=sum(len(tokens) for tokens in following),
        kl_mean=float(kl.mean()),
        kl_99=float(np.quantile(kl, 0.99, method="higher")),
        kl_max=float(kl.max()),
        top1=same / count,
        perplexity=_exp(loss / count),
        other_perplexity=_exp(other_loss / count),
    )


def _compare(reference: Logits, other: Logits, tokens: Sequence[int]) -> tuple[Any, int, float, float]:
    """Divergences, how often the likeliest token is the same, and both sums of -log p of the following tokens."""
    size = min(reference.shape[1], other.shape[1])
    p = torch.log_softmax(torch.from_numpy(reference[:, :size]), -1)
    q = torch.log_softmax(torch.from_numpy(other[:, :size]), -1)
    kl = (p.exp() * (p - q)).sum(-1, dtype=torch.float64).clamp_min_(0)
    if not torch.isfinite(kl).all():
        kl = kl.nan_to_num(nan=math.inf, posinf=math.inf)
    index = torch.tensor(tokens)[:, None]
    same = int((p.argmax(-1) == q.argmax(-1)).sum())
    return kl.numpy(), same, -float(p.gather(1, index).sum()), -float(q.gather(1, index).sum())


def _exp(loss: float) -> float:
    return math.exp(loss) if loss < 700 else math.inf
