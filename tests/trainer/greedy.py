"""Samples that a model has by heart."""

from dataclasses import replace
from typing import Any

import torch

from lintune_schemas.chat import IGNORED_LABEL
from lintune_trainer.data import Sample


def favourites(model: Any, samples: list[Sample], wrong: int = 0) -> list[Sample]:
    """The samples with answers that the model itself gives greedily, but for the last `wrong` tokens of each."""
    answered = []
    for sample in samples:
        start = next(index for index, label in enumerate(sample.labels) if label != IGNORED_LABEL)
        ids = list(sample.ids[:start])
        while len(ids) < len(sample.ids):
            ids.append(int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
        ids[len(ids) - wrong :] = [(token + 1) % 49152 for token in ids[len(ids) - wrong :]]
        labels = (IGNORED_LABEL,) * start + tuple(ids[start:])
        answered.append(replace(sample, ids=tuple(ids), labels=labels))
    return answered
