"""The loss on batches: the same for training and for evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from lintune_schemas.chat import IGNORED_LABEL
from lintune_trainer.batches import predicting

if TYPE_CHECKING:
    from lintune_trainer.batches import Batch

_PIECE = 1 << 22
"""Logits that are looked at together: in fp32 they take 16 MB."""


def summed_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The negative log-likelihood in nats of all trained tokens of a batch, summed.

    logits: [rows, positions, vocabulary], for every position or for those of `logits_to_keep`.
    labels: [rows, tokens], unshifted: position i of the logits predicts token i + 1.
    """
    positions = predicting(labels)
    if logits.shape[1] == labels.shape[1]:
        logits = logits[:, positions]
    return _nats(logits.flatten(0, 1), labels[:, positions + 1].flatten())


def training_loss(
    outputs: Any, labels: torch.Tensor, num_items_in_batch: torch.Tensor | int | None = None
) -> torch.Tensor:
    """The loss that the Trainer minimizes: the mean over the trained tokens of all accumulated batches."""
    count = (labels[:, 1:] != IGNORED_LABEL).sum() if num_items_in_batch is None else num_items_in_batch
    return summed_loss(outputs.logits, labels) / count


def trained_logits(model: Any, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What a model predicts at the trained tokens of a batch.

    Logits of shape [trained tokens, vocabulary], the tokens that should follow, and the place in the batch of the
    sample that each belongs to, both of shape [trained tokens]; in the order of the samples and of their tokens.
    """
    inputs = {name: tensor.to(model.device) for name, tensor in batch.items()}
    labels = inputs.pop("labels")
    logits = model(**inputs).logits
    positions = predicting(labels)
    if logits.shape[1] == labels.shape[1]:
        logits = logits[:, positions]
    targets = labels[:, positions + 1]
    rows, columns = (targets != IGNORED_LABEL).nonzero(as_tuple=True)
    chosen = logits[rows, columns], targets[rows, columns]
    if "position_ids" in inputs:  # samples one behind the other in one row, each of which counts from 0
        rows = (inputs["position_ids"][0] == 0).cumsum(0)[positions] - 1
    return *chosen, rows


def _nats(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    total: torch.Tensor = _NegativeLogLikelihood.apply(logits, targets)  # type: ignore[no-untyped-call]
    return total


class _NegativeLogLikelihood(torch.autograd.Function):
    """Summed cross-entropy that keeps nothing but the logits, and computes in fp32 some of them at a time.

    PyTorch's would hold three copies of all logits in fp32. logits: [tokens, vocabulary]; targets: [tokens].
    """

    @staticmethod
    def forward(ctx: Any, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        counted = targets != IGNORED_LABEL
        places = targets.where(counted, 0)[:, None]
        norms = torch.cat([logits[part].float().logsumexp(-1) for part in _pieces(logits)])
        ctx.save_for_backward(logits, norms, counted, places)
        return (norms - logits.gather(1, places)[:, 0].float()).where(counted, 0).sum()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        logits, norms, counted, places = ctx.saved_tensors
        scales = (counted * gradient)[:, None]
        of_logits = torch.empty_like(logits)
        for part in _pieces(logits):
            likelihoods = logits[part].float().sub_(norms[part, None]).exp_()
            likelihoods.scatter_add_(1, places[part], torch.full_like(places[part], -1, dtype=torch.float32))
            of_logits[part] = likelihoods.mul_(scales[part])
        return of_logits, None


def _pieces(logits: torch.Tensor) -> list[slice]:
    """The rows of logits, some at a time; at least one piece, which may be empty."""
    rows = max(_PIECE // logits.shape[1], 1)
    return [slice(start, start + rows) for start in range(0, max(len(logits), 1), rows)]
