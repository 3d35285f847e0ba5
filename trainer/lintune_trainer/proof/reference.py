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


_TOKENS, _OUTPUTS = 512, 2**26
"""That are read at once, those that only fill up included; and logits, of which 2^26 take 256 MiB."""


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
    def read(self, passages: Sequence[Passage]) -> list[Logits]:
        """The logits of each passage in fp32, [positions, vocabulary]. What all begin with is read once."""
        shared = common_start([passage.ids for passage in passages])
        start = self._model(input_ids=self._tensor([passages[0].ids[:shared]]), use_cache=True) if shared else None
        found: dict[int, Logits] = {}
        later = [index for index, passage in enumerate(passages) if shared and min(passage.positions) >= shared]
        whole = [index for index in range(len(passages)) if index not in set(later)]
        for indices, known, cache in ((whole, 0, None), (later, shared, start and start.past_key_values)):
            for group in self._groups(sorted(indices, key=lambda index: len(passages[index].ids)), passages, known):
                logits = self._read_together([passages[index] for index in group], known, copy.deepcopy(cache))
                found.update(zip(group, logits, strict=True))
        return [found[index] for index in range(len(passages))]

    def _groups(self, indices: Sequence[int], passages: Sequence[Passage], known: int) -> Iterator[list[int]]:
        """Those of like length together, as many as there is room for: a weight is fetched once for all of them."""
        group: list[int] = []
        for index in indices:
            more = [*group, index]
            kept = len({at for one in more for at in passages[one].positions})
            tokens = len(more) * (len(passages[index].ids) - known)
            if group and (tokens > _TOKENS or len(more) * kept * self.vocabulary_size > _OUTPUTS):
                yield group
                more = [index]
            group = more
        if group:
            yield group

    def _read_together(self, passages: Sequence[Passage], known: int, cache: Any) -> list[Logits]:
        """known: how many tokens of each are in the cache. What fills up the shorter ones comes after their tokens,
        which do not see it."""
        longest = max(len(passage.ids) for passage in passages)
        ids = [[*passage.ids[known:], *[0] * (longest - len(passage.ids))] for passage in passages]
        kept = sorted({at for passage in passages for at in passage.positions})
        if cache is not None:
            cache.batch_repeat_interleave(len(passages))
        read = self._model(
            input_ids=self._tensor(ids),
            past_key_values=cache,
            logits_to_keep=self._tensor([at - known for at in kept]),
        )
        column = {at: number for number, at in enumerate(kept)}
        columns = [[column[at] for at in passage.positions] for passage in passages]
        return [logits[chosen].float().cpu().numpy() for logits, chosen in zip(read.logits, columns, strict=True)]

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
