"""Batches and the loss on them: the same for training and for evaluation."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import cross_entropy

from lintune_schemas.chat import IGNORED_LABEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_trainer.data import Sample

Batch = dict[str, torch.Tensor]


class Collator:
    """Pads samples on the right to the longest among them.

    Batches hold `input_ids`, `attention_mask` and `labels` of shape [samples, tokens], and for models that
    can leave the others out `logits_to_keep`: the positions at which any sample has something to predict. On
    short answers with a large vocabulary, most of the work and memory of the last layer would go into logits
    nobody looks at.
    """

    def __init__(self, model: Any) -> None:
        base = model.get_base_model() if hasattr(model, "get_base_model") else model
        self._sparse = "logits_to_keep" in inspect.signature(base.forward).parameters

    def __call__(self, samples: Sequence[Sample]) -> Batch:
        width = max(len(sample.ids) for sample in samples)
        ids = torch.zeros((len(samples), width), dtype=torch.long)  # what pads is masked, so any token will do
        mask = torch.zeros_like(ids)
        labels = torch.full_like(ids, IGNORED_LABEL)
        for row, sample in enumerate(samples):
            length = len(sample.ids)
            ids[row, :length] = torch.tensor(sample.ids)
            mask[row, :length] = 1
            labels[row, :length] = torch.tensor(sample.labels)
        batch = {"input_ids": ids, "attention_mask": mask, "labels": labels}
        if self._sparse:
            batch["logits_to_keep"] = _predicting(labels)
        return batch


def summed_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The negative log-likelihood in nats of all trained tokens of a batch, summed.

    logits: [samples, positions, vocabulary], for every position or for those of `logits_to_keep`.
    labels: [samples, tokens], unshifted: position i of the logits predicts token i + 1.
    """
    positions = _predicting(labels)
    if logits.shape[1] == labels.shape[1]:
        logits = logits[:, positions]
    targets = labels[:, positions + 1]
    return cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORED_LABEL, reduction="sum")


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
    positions = _predicting(labels)
    if logits.shape[1] == labels.shape[1]:
        logits = logits[:, positions]
    targets = labels[:, positions + 1]
    rows, columns = (targets != IGNORED_LABEL).nonzero(as_tuple=True)
    return logits[rows, columns], targets[rows, columns], rows


@torch.no_grad()
def mean_loss(model: Any, samples: Sequence[Sample], batch_size: int) -> float:
    """The mean negative log-likelihood in nats over all trained tokens of the samples."""
    was_training = model.training
    model.eval()
    collate = Collator(model)
    # Samples of like length together need the least padding.
    ordered = sorted(samples, key=lambda sample: len(sample.ids), reverse=True)
    total, count = 0.0, 0
    for start in range(0, len(ordered), batch_size):
        logits, targets, _ = trained_logits(model, collate(ordered[start : start + batch_size]))
        total += float(cross_entropy(logits.float(), targets, reduction="sum"))
        count += len(targets)
    model.train(was_training)
    return total / count


def _predicting(labels: torch.Tensor) -> torch.Tensor:
    """The positions at which the next token is trained in any sample: a one-dimensional, ascending tensor."""
    return (labels[:, 1:] != IGNORED_LABEL).any(0).nonzero().flatten()
