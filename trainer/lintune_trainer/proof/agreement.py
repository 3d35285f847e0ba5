"""How far two models agree on the next token: divergence, the likeliest token, perplexity."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lintune_trainer.proof.llama import Logits
    from lintune_trainer.proof.passages import Reading

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
    """Of the reference, on the tokens that did follow and were trained; on all of them where none was."""
    other_perplexity: float

    @property
    def perplexity_ratio(self) -> float:
        return self.other_perplexity / self.perplexity


def agreement(pairs: Iterable[tuple[Logits, Logits]], reading: Reading) -> Agreement:
    """Compare logits, passage by passage; the pairs may come from a generator, and are not kept.

    pairs: of each passage of the reading the logits of reference and other, [positions, vocabulary]. Where one of the
    two has a longer vocabulary, since it is padded, they are compared as far as both go.
    """
    parts = []
    for (reference, other), tokens in zip(pairs, reading.following, strict=True):
        for first in range(0, len(tokens), _ROWS):
            rows = slice(first, first + _ROWS)
            parts.append(_compare(reference[rows], other[rows], tokens[rows]))
    kl, same, nats, other_nats = (torch.cat(column) for column in zip(*parts, strict=True))
    counted = torch.tensor([one for passage in reading.trained for one in passage])
    if not counted.any():
        counted[:] = True
    return Agreement(
        positions=len(kl),
        kl_mean=float(kl.mean()),
        kl_99=float(kl.quantile(0.99, interpolation="higher")),
        kl_max=float(kl.max()),
        top1=float(same.double().mean()),
        perplexity=_exp(float(nats[counted].mean())),
        other_perplexity=_exp(float(other_nats[counted].mean())),
    )


def _compare(reference: Logits, other: Logits, tokens: Sequence[int]) -> tuple[Any, ...]:
    """Of each position the divergence, whether the likeliest token is the same, and both -log p of what followed."""
    size = min(reference.shape[1], other.shape[1])
    p = torch.log_softmax(torch.from_numpy(reference[:, :size]), -1)
    q = torch.log_softmax(torch.from_numpy(other[:, :size]), -1)
    kl = (p.exp() * (p - q)).sum(-1, dtype=torch.float64).clamp_min(0).nan_to_num(nan=math.inf)
    index = torch.tensor(tokens)[:, None]
    nats, other_nats = (-log.gather(1, index)[:, 0].double() for log in (p, q))
    return kl, p.argmax(-1) == q.argmax(-1), nats, other_nats


def _exp(loss: float) -> float:
    return math.exp(loss) if loss < 700 else math.inf
