"""From samples to batches: which samples go together, in which order, and how they are laid out.

Order and packs follow from seed and epoch alone, so that a run that goes on sees what it would have seen.
"""

from __future__ import annotations

import inspect
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import Sampler

from lintune_schemas.chat import IGNORED_LABEL
from lintune_trainer import attention

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lintune_schemas.recipe import Recipe
    from lintune_trainer.data import Sample

Batch = dict[str, torch.Tensor]

_CHUNK = 50
"""Batches of like length are made among so many batches' samples, as in transformers: lengths are then nearly the same,
and batches still differ from epoch to epoch."""


@dataclass(frozen=True, slots=True)
class Pack:
    """Samples that are trained on as one row of a batch."""

    samples: tuple[Sample, ...]

    @property
    def tokens(self) -> int:
        return sum(len(sample.ids) for sample in self.samples)


def rows(samples: Sequence[Sample], recipe: Recipe) -> Sequence[Sample | Pack]:
    """What batches of a training are made of: samples, or packs of them."""
    return pack(samples, recipe.sequence_len, recipe.seed) if recipe.sample_packing and recipe.rl is None else samples


def samples_of(some: Sequence[Sample | Pack]) -> list[Sample]:
    """The samples of a batch, in its order."""
    return [sample for row in some for sample in (row.samples if isinstance(row, Pack) else (row,))]


def pack(samples: Sequence[Sample], sequence_len: int, seed: int) -> list[Pack]:
    """Put samples together in packs of at most `sequence_len` tokens, each sample into one.

    The longest first, each where the least room is left for it (best fit, decreasing: at most 11/9 of the fewest packs
    possible, Johnson 1973). Of equal lengths the seed decides, and the packs come in an order of its choice.
    """
    order = list(range(len(samples)))
    chosen = random.Random(seed)  # noqa: S311 (not for secrets)
    chosen.shuffle(order)
    order.sort(key=lambda index: -len(samples[index].ids))
    packs: list[list[int]] = []
    by_room: list[list[int]] = [[] for _ in range(sequence_len + 1)]
    for index in order:
        length = len(samples[index].ids)
        room = next((room for room in range(length, sequence_len + 1) if by_room[room]), None)
        if room is None:
            packs.append([])
            place, room = len(packs) - 1, sequence_len
        else:
            place = by_room[room].pop()
        packs[place].append(index)
        by_room[room - length].append(place)
    chosen.shuffle(packs)
    return [Pack(tuple(samples[index] for index in sorted(places))) for places in packs]


class LengthGrouped(Sampler[int]):
    """Indices such that samples of like length make a batch; in another order each epoch."""

    def __init__(self, some: Sequence[Sample | Pack], batch_size: int, seed: int) -> None:
        self._lengths = [row.tokens if isinstance(row, Pack) else len(row.ids) for row in some]
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by accelerate's data loader before each epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        chosen = random.Random(f"{self._seed} {self._epoch}")  # noqa: S311 (not for secrets)
        order = list(range(len(self._lengths)))
        chosen.shuffle(order)
        size = self._batch_size * _CHUNK
        batches: list[list[int]] = []
        for start in range(0, len(order), size):
            alike = sorted(order[start : start + size], key=lambda index: -self._lengths[index])
            batches += [alike[at : at + self._batch_size] for at in range(0, len(alike), self._batch_size)]
        whole, rest = batches[:-1], batches[-1:]
        if rest and len(rest[0]) == self._batch_size:
            whole, rest = batches, []
        chosen.shuffle(whole)
        return iter([index for batch in (*whole, *rest) for index in batch])  # a batch that is not full comes last


class Collator:
    """Lays out samples, or packs of them, as a batch.

    Where the model keeps samples apart by itself (`attention.py`), they stand one behind the other in one row, and
    nothing is padded: `input_ids`, `attention_mask`, `position_ids` and `labels` are of shape [1, tokens]. Other models
    get samples padded on the right to the longest, [samples, tokens]; packs, one row without a mask, of which
    transformers makes one that keeps the samples apart.

    For models that can leave the others out there is `logits_to_keep`: the positions at which any sample has something
    to predict. On short answers with a large vocabulary, most of the work and memory of the last layer would go into
    logits nobody looks at.
    """

    def __init__(self, model: Any, *, padded: bool = False) -> None:
        base = model.get_base_model() if hasattr(model, "get_base_model") else model
        known = inspect.signature(base.forward).parameters
        self._sparse = "logits_to_keep" in known
        self._by_sample = base.config._attn_implementation == attention.BY_SAMPLE
        self._in_a_row = not padded and "position_ids" in known and attention.takes_samples_in_a_row(base)

    def __call__(self, some: Sequence[Sample | Pack]) -> Batch:
        samples = samples_of(some)
        if self._in_a_row or any(isinstance(row, Pack) for row in some):
            batch = self._one_behind_the_other(samples)
        else:
            batch = padded(samples)
        if self._sparse:
            batch["logits_to_keep"] = predicting(batch["labels"])
        return batch

    def _one_behind_the_other(self, samples: Sequence[Sample]) -> Batch:
        ids = torch.tensor([[token for sample in samples for token in sample.ids]])
        labels = torch.tensor([[label for sample in samples for label in (IGNORED_LABEL, *sample.labels[1:])]])
        positions = torch.tensor([[place for sample in samples for place in range(len(sample.ids))]])
        batch = {"input_ids": ids, "position_ids": positions, "labels": labels}
        if self._in_a_row:
            batch["attention_mask"] = torch.ones_like(ids)
        if self._by_sample:
            lengths = torch.tensor([0, *(len(sample.ids) for sample in samples)])
            batch["cu_seq_lens_q"] = lengths.cumsum(0).to(torch.int32)
        return batch


def padded(samples: Sequence[Sample]) -> Batch:
    """`input_ids`, `attention_mask` and `labels` of shape [samples, tokens], padded on the right to the longest."""
    width = max(len(sample.ids) for sample in samples)
    ids = torch.zeros((len(samples), width), dtype=torch.long)  # what pads is masked, so any token will do
    mask = torch.zeros_like(ids)
    labels = torch.full_like(ids, IGNORED_LABEL)
    for row, sample in enumerate(samples):
        length = len(sample.ids)
        ids[row, :length] = torch.tensor(sample.ids)
        mask[row, :length] = 1
        labels[row, :length] = torch.tensor(sample.labels)
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def predicting(labels: torch.Tensor) -> torch.Tensor:
    """The positions at which the next token is trained in any row: a one-dimensional, ascending tensor."""
    return (labels[:, 1:] != IGNORED_LABEL).any(0).nonzero().flatten()
