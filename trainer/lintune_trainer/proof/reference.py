"""The merged model in transformers: what every file is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from lintune_schemas import processor
from lintune_trainer import models

if TYPE_CHECKING:
    from collections.abc import Sequence
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
    def logits(self, passage: Passage) -> Logits:
        """In fp32, [positions, vocabulary]."""
        device = self._model.device
        positions = torch.tensor(passage.positions, dtype=torch.long, device=device)
        read = self._model(input_ids=torch.tensor([passage.ids], device=device), logits_to_keep=positions)
        logits: Logits = read.logits[0].float().cpu().numpy()
        return logits

    @torch.no_grad()
    def follow(self, prompt: Sequence[int], answer: Sequence[int]) -> tuple[list[int], list[float]]:
        """Its own choice for each token of an answer, and by how much, in logits, that is ahead of the token there."""
        tokens = torch.tensor([[*prompt, *answer[:-1]]], device=self._model.device)
        read: Any = self._model(input_ids=tokens, logits_to_keep=len(answer))
        logits = read.logits[0].float()
        best = logits.max(-1)
        there = logits.gather(1, torch.tensor(answer, device=logits.device)[:, None])[:, 0]
        return best.indices.tolist(), (best.values - there).tolist()


def _affordable_dtype(merged: Path) -> torch.dtype:
    memory = processor.memory()[0] or 8 * 2**30
    return torch.float32 if 2 * models.size(merged) < memory / 2 else torch.bfloat16
