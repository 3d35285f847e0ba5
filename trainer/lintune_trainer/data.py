"""Samples to tokens. Ids and labels come from `lintune_schemas.chat`, as what the editor's hover shows."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintune_schemas import datasets
from lintune_schemas.chat import IGNORED_LABEL
from lintune_schemas.errors import LintuneError
from lintune_schemas.samples import SampleFormat
from lintune_trainer import snapshots, tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lintune_schemas.chat import ChatTokenizer
    from lintune_schemas.conversations import Conversation
    from lintune_schemas.datasets import DatasetFile
    from lintune_schemas.recipe import Dataset, Recipe
    from lintune_schemas.runs import DatasetLock, LockedDataset


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample as it is trained on. ids and labels are equally long; labels are unshifted."""

    path: Path
    line: int
    """1-based."""
    conversation: Conversation
    ids: tuple[int, ...]
    labels: tuple[int, ...]
    digest: bytes = b""
    """As in `DatasetSample`: what tells it from every other sample."""

    @property
    def trained_tokens(self) -> int:
        return sum(label != IGNORED_LABEL for label in self.labels)


@dataclass(frozen=True, slots=True)
class Data:
    """What a run reads: the files, then their samples once they are tokenized."""

    train: tuple[DatasetFile, ...]
    test: tuple[DatasetFile, ...]


def read(recipe: Recipe, recipe_folder: Path, *, keep: bool = False) -> Data:
    """Read all data sets of a recipe, once: a run does not look at the files again.

    keep: leave copies for a run to go on with. Raises LintuneError, OSError.
    """
    if not recipe.datasets:
        raise LintuneError("The recipe lists no data set. Add one under datasets: with its path.")

    def files(entries: Sequence[Dataset]) -> Iterator[DatasetFile]:
        for entry in entries:
            path = recipe_folder / entry.path
            content = datasets.read_bytes(path)
            file = datasets.read(path, entry, content)
            _require_fitting(file, recipe)
            if keep:
                snapshots.keep(recipe_folder, file.snapshot, content)
            yield file

    return Data(tuple(files(recipe.datasets)), tuple(files(recipe.test_datasets)))


def _require_fitting(file: DatasetFile, recipe: Recipe) -> None:
    """Raise LintuneError when pairs come without a method that trains on them, or the method without pairs."""
    pairs = file.format is SampleFormat.PREFERENCE
    if pairs and recipe.rl is None:
        raise LintuneError(
            f"{file.path} holds preference pairs (chosen and rejected). Set rl: dpo or rl: orpo to train on them, or "
            "write the chosen answers as prompt and completion."
        )
    if not pairs and recipe.rl is not None:
        raise LintuneError(
            f"rl: {recipe.rl} trains on preference pairs, and the samples of {file.path} have no chosen and rejected "
            f"answer (format: {file.format}). Take rl out of the recipe, or name a data set of pairs."
        )


def read_again(recipe: Recipe, recipe_folder: Path, lock: DatasetLock) -> Data:
    """The same as when the run with that lock began, whatever became of the files. Raises LintuneError, OSError."""

    def files(entries: Sequence[Dataset], locked: Sequence[LockedDataset]) -> Iterator[DatasetFile]:
        for entry, one in zip(entries, locked, strict=True):
            yield datasets.read(recipe_folder / entry.path, entry, snapshots.content(recipe_folder, one))

    return Data(tuple(files(recipe.datasets, lock.train)), tuple(files(recipe.test_datasets, lock.test)))


def tokenize(
    data: Data, recipe: Recipe, chat: ChatTokenizer, warn: Callable[[str], None]
) -> tuple[list[Sample], list[Sample]]:
    """The samples to train on and those to evaluate with (perhaps none).

    warn: told of every sample that is left out or cut. Raises LintuneError when nothing is left to train on,
    or a sample cannot be rendered.
    """
    train = _tokenize(data.train, recipe, chat, warn, "training")
    if not train:
        raise LintuneError(
            f"No training sample is left: each is longer than sequence_len ({recipe.sequence_len}) or has "
            "nothing to learn. Raise sequence_len, or look at the data with: lintune check"
        )
    if data.test:
        return train, _tokenize(data.test, recipe, chat, warn, "evaluation")
    if recipe.val_set_size:
        return split(train, recipe.val_set_size, recipe.seed)
    return train, []


def split(samples: Sequence[Sample], val_set_size: float, seed: int) -> tuple[list[Sample], list[Sample]]:
    """Set aside a random share (below 1) or number of the samples, the same ones for the same seed.

    Both parts keep the order of `samples`. Raises LintuneError when one of them would be empty.
    """
    count = round(len(samples) * val_set_size) if val_set_size < 1 else int(val_set_size)
    count = max(count, 1)
    if count >= len(samples):
        raise LintuneError(
            f"val_set_size: {val_set_size:g} leaves nothing to train on ({len(samples)} samples in all). Lower it."
        )
    held_out = set(random.Random(seed).sample(range(len(samples)), count))  # noqa: S311 (not for secrets)
    train = [sample for index, sample in enumerate(samples) if index not in held_out]
    return train, [sample for index, sample in enumerate(samples) if index in held_out]


def _tokenize(
    files: Sequence[DatasetFile],
    recipe: Recipe,
    chat: ChatTokenizer,
    warn: Callable[[str], None],
    purpose: str,
) -> list[Sample]:
    if recipe.rl is not None:
        from lintune_trainer import pairs  # which needs this module

        return list(pairs.tokenize(files, recipe, chat, warn, purpose))
    samples: list[Sample] = []
    too_long: list[str] = []
    nothing_to_learn: list[str] = []
    length = recipe.sequence_len
    for file in files:
        for entry, (ids, labels) in zip(file.samples, tokens.of(file, chat, recipe.train_on_inputs), strict=True):
            where = f"{file.path.name}:{entry.line}"
            if len(ids) > length:
                too_long.append(where)
                if recipe.excess_length_strategy == "drop":
                    continue
                ids, labels = ids[:length], labels[:length]
            sample = Sample(file.path, entry.line, entry.conversation, ids, labels, entry.digest)
            # The first token has no token before it that could predict it.
            if all(label == IGNORED_LABEL for label in labels[1:]):
                nothing_to_learn.append(where)
            else:
                samples.append(sample)
    if too_long:
        report_excess(too_long, recipe, warn, purpose)
    if nothing_to_learn:
        warn(f"{count_of(nothing_to_learn, purpose)} left out, with nothing to learn: {some_of(nothing_to_learn)}.")
    return samples


def report_excess(places: list[str], recipe: Recipe, warn: Callable[[str], None], purpose: str) -> None:
    """Say which samples are longer than `sequence_len`, and what becomes of them. Raises LintuneError when that is said
    to be an error."""
    what = f"longer than sequence_len ({recipe.sequence_len} tokens)"
    match recipe.excess_length_strategy:
        case "raise":
            raise LintuneError(
                f"{count_of(places, purpose)} {what}: {some_of(places)}. Shorten them, or raise sequence_len."
            )
        case "drop":
            warn(f"{count_of(places, purpose)} left out, {what}: {some_of(places)}.")
        case "truncate":
            warn(f"{count_of(places, purpose)} cut at the end, {what}: {some_of(places)}.")


def count_of(places: list[str], purpose: str) -> str:
    """How many samples there are at those places, as the beginning of a sentence."""
    return f"1 {purpose} sample is" if len(places) == 1 else f"{len(places):,} {purpose} samples are"


def some_of(places: list[str], most: int = 5) -> str:
    """The first of many places, and how many more there are."""
    more = f" and {len(places) - most:,} more" if len(places) > most else ""
    return ", ".join(places[:most]) + more
