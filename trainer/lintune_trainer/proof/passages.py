"""Which samples are read for the proof, how far, and at which of their positions logits are compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lintune_trainer.proof.llama import Passage, common_start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_schemas.chat import TokenizedChat

_SAMPLES = 50
_OPERATIONS, _FEWEST, _MOST = 4e12, 2048, 16384
"""What one reading may cost, and tokens that are read in any case and at most. A token costs two operations a weight;
4e12 are 20 s on a core that does 2e11 a second, and a model of 8B reads its 2,048 tokens in 3 minutes on two."""
_LOGITS = 2**27
"""Of the trained model, kept while others are compared with them: 512 MiB."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Passages, and of each the tokens that follow its positions, and whether these were trained."""

    passages: list[Passage]
    following: list[list[int]]
    trained: list[list[bool]]
    cut: int
    """How many are not read whole."""

    @property
    def tokens(self) -> int:
        return sum(len(passage.ids) for passage in self.passages)

    @property
    def positions(self) -> int:
        return sum(len(passage.positions) for passage in self.passages)

    @property
    def longest(self) -> int:
        return max((len(passage.ids) for passage in self.passages), default=1)

    def some(self, count: int) -> list[int]:
        """The indices of at most so many passages."""
        return evenly(range(len(self.passages)), count)

    def only(self, chosen: Sequence[int]) -> Reading:
        return Reading(
            [self.passages[index] for index in chosen],
            [self.following[index] for index in chosen],
            [self.trained[index] for index in chosen],
            self.cut,
        )


def choose(samples: Sequence[TokenizedChat], vocabulary: int, weights: int) -> Reading:
    """What to read of the samples, 50 at most. weights: of the model, their number.

    What all samples begin with is compared once. Where not all positions are within the limits, those count first whose
    next token is one that was trained.
    """
    taken = [sample for sample in evenly(samples, _SAMPLES) if len(sample.ids) > 1]
    budget = int(min(max(_OPERATIONS / (2 * max(weights, 1)), _FEWEST), _MOST))
    length = _share([len(sample.ids) for sample in taken], budget)
    texts = [sample.ids[:length] for sample in taken]
    start = common_start(texts)
    candidates = [
        _by_worth(sample, len(text), 0 if number == 0 else start)
        for number, (sample, text) in enumerate(zip(taken, texts, strict=True))
    ]
    most = _share([len(positions) for positions in candidates], max(_LOGITS // vocabulary, len(taken)))
    passages = [
        Passage(text, tuple(sorted(positions[:most]))) for text, positions in zip(texts, candidates, strict=True)
    ]
    following = [
        [sample.ids[position + 1] for position in passage.positions]
        for sample, passage in zip(taken, passages, strict=True)
    ]
    trained = [
        [sample.trained[position + 1] for position in passage.positions]
        for sample, passage in zip(taken, passages, strict=True)
    ]
    return Reading(passages, following, trained, sum(len(sample.ids) > length for sample in taken))


def evenly(items: Sequence[Any], count: int) -> list[Any]:
    """At most `count` of the items, from all over the sequence."""
    return [items[index * len(items) // count] for index in range(count)] if len(items) > count else list(items)


def _by_worth(sample: TokenizedChat, length: int, start: int) -> list[int]:
    """The positions from `start` on, those first that predict a trained token, each kind from all over the sample."""
    last = min(length, len(sample.ids) - 1)
    trained = [position for position in range(start, last) if sample.trained[position + 1]]
    others = [position for position in range(start, last) if not sample.trained[position + 1]]
    return _scattered(trained) + _scattered(others)


def _scattered(positions: list[int]) -> list[int]:
    """The same in another order: every part of it from the beginning comes from all over the list."""
    step = 1
    while step < len(positions):
        step *= 2
    order: list[int] = []
    taken: set[int] = set()
    while step:
        order += [index for index in range(0, len(positions), step) if index not in taken]
        taken.update(order)
        step //= 2
    return [positions[index] for index in order]


def _share(wanted: Sequence[int], total: int) -> int:
    """The most that each may have, when all want so much and there is so much in all."""
    left, share = total, max(wanted, default=0)
    for number, want in enumerate(sorted(wanted)):
        fair = left // (len(wanted) - number)
        if want > fair:
            return max(fair, 1)
        left -= want
    return share
