"""Preference pairs to tokens: each of the two answers as `ChatTokenizer.tokenize` gives it after the same prompt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lintune_schemas.chat import IGNORED_LABEL
from lintune_trainer import tokens
from lintune_trainer.data import Sample, count_of, report_excess, some_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lintune_schemas.chat import ChatTokenizer
    from lintune_schemas.datasets import DatasetFile
    from lintune_schemas.recipe import Recipe
    from lintune_trainer.tokens import Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair(Sample):
    """A preference pair as it is trained on: the sample with the better answer, and the one with the worse."""

    rejected: Sample

    @property
    def trained_tokens(self) -> int:
        return sum(label != IGNORED_LABEL for side in (self, self.rejected) for label in side.labels)


def tokenize(
    files: Sequence[DatasetFile], recipe: Recipe, chat: ChatTokenizer, warn: Callable[[str], None], purpose: str
) -> list[Pair]:
    """The pairs of all files. warn: told of every pair that is left out or cut.

    A pair is too long when either side is; then both are cut, or neither is used. Raises LintuneError when one cannot
    be rendered.
    """
    pairs: list[Pair] = []
    too_long: list[str] = []
    nothing_to_learn: list[str] = []
    nothing_to_prefer: list[str] = []
    length = recipe.sequence_len
    for file in files:
        for entry, sides in zip(file.samples, _sides(file, chat), strict=True):
            where = f"{file.path.name}:{entry.line}"
            if any(len(ids) > length for ids, _ in sides):
                too_long.append(where)
                if recipe.excess_length_strategy == "drop":
                    continue
                sides = [(ids[:length], labels[:length]) for ids, labels in sides]
            (ids, labels), (worse_ids, worse_labels) = sides
            assert entry.rejected is not None
            rejected = Sample(file.path, entry.line, entry.rejected, worse_ids, worse_labels, entry.digest)
            if ids == worse_ids:
                nothing_to_prefer.append(where)
            # The first token has no token before it that could predict it.
            elif any(all(label == IGNORED_LABEL for label in side[1:]) for side in (labels, worse_labels)):
                nothing_to_learn.append(where)
            else:
                pairs.append(
                    Pair(file.path, entry.line, entry.conversation, ids, labels, entry.digest, rejected=rejected)
                )
    if too_long:
        report_excess(too_long, recipe, warn, purpose)
    if nothing_to_learn:
        warn(f"{count_of(nothing_to_learn, purpose)} left out, with nothing to learn: {some_of(nothing_to_learn)}.")
    if nothing_to_prefer:
        warn(f"{count_of(nothing_to_prefer, purpose)} left out, with two equal answers: {some_of(nothing_to_prefer)}.")
    return pairs


def _sides(file: DatasetFile, chat: ChatTokenizer) -> Iterator[list[Tokens]]:
    """Of each pair the better and the worse side. Only answers are compared, so `train_on_inputs` is no matter."""
    worse = replace(
        file,
        samples=tuple(replace(entry, conversation=entry.rejected) for entry in file.samples if entry.rejected),
    )
    for sides in zip(*(tokens.of(one, chat, train_on_inputs=False) for one in (file, worse)), strict=True):
        yield list(sides)
