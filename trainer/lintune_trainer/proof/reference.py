"""The merged model in transformers: what every file is compared with."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch

from lintune_schemas import processor
from lintune_trainer import models
from lintune_trainer.proof.llama import common_start

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lintune_trainer.proof.llama import Logits, Passage


class Reference:
    """The model in a folder, loaded; in fp32, in which small differences tell most, unless that takes over half of the
    machine's memory. Raises LintuneError."""

    def __init__(self, merged: Path) -> None:
        self.dtype = _affordable_dtype(merged)
        self._model = models.load(merged, self.dtype, device="cuda" if torch.cuda.is_available() else "cpu")
        config = self._model.config.get_text_config()
        self.vocabulary_size = int(config.vocab_size)
        self.weights = sum(parameter.numel() for parameter in self._model.parameters())

    @torch.no_grad()
    def read(self, passages: Sequence[Passage]) -> Iterator[Logits]:
        """The logits of each passage in fp32, [positions, vocabulary]. What all begin with is read once."""
        shared = common_start([passage.ids for passage in passages])
        start = self._model(input_ids=self._tensor([passages[0].ids[:shared]]), use_cache=True) if shared else None
        for passage in passages:
            known = shared if min(passage.positions, default=0) >= shared else 0
            read = self._model(
                input_ids=self._tensor([passage.ids[known:]]),
                past_key_values=copy.deepcopy(start.past_key_values) if start and known else None,
                logits_to_keep=self._tensor([position - known for position in passage.positions]),
            )
            yield read.logits[0].float().cpu().numpy()

    def _tensor(self, numbers: Any) -> torch.Tensor:
        return torch.tensor(numbers, dtype=torch.long, device=self._model.device)

    @torch.no_grad()
    def follow(self, prompt: Sequence[int], answer: Sequence[int]) -> tuple[list[int], list[float]]:
        """Its own choice for each token of an answer, and by how much, in logits, that is ahead of the token there."""
        read: Any = self._model(input_ids=self._tensor([[*prompt, *answer[:-1]]]), logits_to_keep=len(answer))
        logits = read.logits[0].float()
        best = logits.max(-1)
        there = logits.gather(1, self._tensor(answer)[:, None])[:, 0]
        return best.indices.tolist(), (best.values - there).tolist()


def _affordable_dtype(merged: Path) -> torch.dtype:
    memory = processor.memory()[0] or 8 * 2**30
    return torch.float32 if 2 * models.size(merged) < memory / 2 else torch.bfloat16
