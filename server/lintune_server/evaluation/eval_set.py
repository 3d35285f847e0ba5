"""The eval set of a run, as its trainer evaluated with it: what the models are asked, and what they should answer."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintune_schemas import datasets, run_evaluation
from lintune_schemas import recipe as recipes
from lintune_schemas import runs as run_files
from lintune_schemas.chat_template import TemplateError
from lintune_schemas.errors import LintuneError
from lintune_schemas.evaluation_report import LeftOut

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lintune_schemas.chat import ChatTokenizer, RenderedChat
    from lintune_schemas.conversations import Conversation
    from lintune_schemas.datasets import DatasetFile, DatasetSample
    from lintune_schemas.recipe import Dataset, Recipe
    from lintune_schemas.run_evaluation import SampleResult
    from lintune_schemas.runs import LockedDataset
    from lintune_server.training.records import Record

_NO_ANSWER = "it has no answer to compare with"


@dataclass(frozen=True, slots=True)
class Scored:
    """A text of which the loss is asked: all its token ids, and the places of those that are learned."""

    ids: tuple[int, ...]
    learned: tuple[int, ...]
    """Ascending, without 0: no token comes before the first, to predict it by."""


@dataclass(frozen=True, slots=True)
class EvalSample:
    path: str
    """As the recipe names the file."""
    line: int
    """1-based."""
    digest: str
    question: str
    """The last message before the answer, for people."""
    prompt: str | None
    """What is asked, rendered as in training; None when nothing comes before what is learned."""
    prompt_ids: tuple[int, ...]
    reference: str | None
    """The last message that is learned, as the chat template writes it."""
    reference_tokens: int
    whole: Scored
    rejected: Scored | None = None
    """Of a preference pair, the same with the worse answer."""

    @property
    def longest(self) -> int:
        """Tokens that a context must hold for it, answers left aside."""
        return max(len(self.prompt_ids) + 1, len(self.whole.ids), len(self.rejected.ids) if self.rejected else 0)


@dataclass(frozen=True, slots=True)
class EvalSet:
    samples: tuple[EvalSample, ...]
    left_out: tuple[LeftOut, ...]
    """Those that cannot be asked about, and why."""
    data: tuple[str, ...]
    """The files, as the recipe names them."""


def some(samples: Sequence[EvalSample], count: int, seed: int) -> list[EvalSample]:
    """So many at random, the same ones for the same seed, in their order."""
    if count >= len(samples):
        return list(samples)
    chosen = set(random.Random(seed).sample(range(len(samples)), count))  # noqa: S311 (not for secrets)
    return [sample for index, sample in enumerate(samples) if index in chosen]


def of_run(record: Record, recipe: Recipe, chat: ChatTokenizer, data: Path | None = None) -> EvalSet:
    """The samples that the run was evaluated with, in their order; or all of another data set.

    They come from the copies that the run kept, and where those are gone from the files as they are now, as far as
    these have them. Raises LintuneError when there is none, and says why.
    """
    if data is not None:
        entries = [*recipe.test_datasets, *recipe.datasets]
        named = run_files.path_in_recipe(data.resolve(), record.recipe_folder)
        entry = next((entry for entry in entries if entry.path == named), None)
        read = _Reading(record, recipe, chat)
        read.add(named, datasets.read(data, entry))
        return read.done((named,))
    if record.lock is None:
        raise LintuneError(f"{record.name} has no {run_files.DATASET_LOCK} that can be read. Give a file with --data.")
    measured = run_evaluation.read(record.folder)
    wanted = _wanted(record, measured.each if measured else [])
    locked, entries = record.lock.test, recipe.test_datasets
    if not locked:
        locked, entries = record.lock.train, recipe.datasets
    files = tuple(dict.fromkeys(result.path for result in wanted)) if wanted else tuple(one.path for one in locked)
    read = _Reading(record, recipe, chat)
    for one, entry in zip(locked, entries, strict=False):
        if one.path in files:
            read.add(one.path, _file(record, one, entry), wanted)
    read.miss(wanted)
    return read.done(files)


def _wanted(record: Record, measured: list[SampleResult]) -> list[SampleResult] | None:
    """What the run was evaluated with; None for all of its eval files. Raises LintuneError when it has no eval set."""
    assert record.lock is not None
    if measured:
        return measured
    if record.lock.test:
        return None
    raise LintuneError(
        f"The run {record.name} has no eval set. Give a file of samples that it was not trained on with --data, or set "
        "val_set_size or test_datasets in the recipe and train again."
    )


def _file(record: Record, locked: LockedDataset, entry: Dataset) -> DatasetFile:
    path = record.recipe_folder / entry.path
    copy = run_files.snapshots_folder(record.recipe_folder) / (locked.snapshot or "")
    try:
        content = copy.read_bytes()
    except OSError:
        content = None
    if content is None and not path.is_file():
        raise LintuneError(
            f"The eval data of {record.name} is gone: both {locked.path} and the copy of it in .lintune/data. Put the "
            "file back, or give another one with --data."
        )
    return datasets.read(path, entry, content)


class _Reading:
    def __init__(self, record: Record, recipe: Recipe, chat: ChatTokenizer) -> None:
        self._record = record
        self._recipe = recipe
        self._chat = chat
        self._samples: dict[tuple[str, int, str], EvalSample] = {}
        self._left_out: list[LeftOut] = []
        self._order: list[tuple[str, int, str]] = []

    def add(self, path: str, file: DatasetFile, wanted: list[SampleResult] | None = None) -> None:
        """Those samples of a file that are wanted, all without a list. path: as the recipe names it."""
        kept = {(one.line, one.digest) for one in wanted if one.path == path} if wanted is not None else None
        elsewhere = {digest: line for line, digest in kept} if kept is not None else {}
        for entry in file.samples:
            digest, line = entry.digest.hex(), entry.line
            if kept is not None and (line, digest) not in kept:
                # Of a file that was edited since, a sample may stand on another line now.
                line = elsewhere.get(digest, 0)
                if not line:
                    continue
            key = (path, line, digest)
            if key in self._samples:
                continue
            try:
                sample = self._sample(path, line, entry)
            except TemplateError as error:
                self._left_out.append(LeftOut(path, line, f"the chat template refuses it: {error}"))
                continue
            if not sample.whole.learned:
                cut = len(sample.whole.ids) == self._recipe.sequence_len
                why = f"sequence_len ({self._recipe.sequence_len:,}) cuts all of its answer off" if cut else _NO_ANSWER
                self._left_out.append(LeftOut(path, line, why))
                continue
            self._samples[key] = sample
            self._order.append(key)

    def miss(self, wanted: list[SampleResult] | None) -> None:
        """Note those that were wanted and are not there."""
        noted = {(one.path, one.line) for one in self._left_out}
        for one in wanted or ():
            if (one.path, one.line, one.digest) not in self._samples and (one.path, one.line) not in noted:
                gone = "it was edited or deleted since the run, which kept no copy of it"
                self._left_out.append(LeftOut(one.path, one.line, gone))

    def done(self, files: tuple[str, ...]) -> EvalSet:
        if not self._samples:
            why = f": {self._left_out[0].reason}" if self._left_out else ""
            raise LintuneError(
                f"No sample of {', '.join(files)} can be evaluated with{why}. Give another file with --data."
            )
        return EvalSet(tuple(self._samples[key] for key in self._order), tuple(self._left_out), files)

    def _sample(self, path: str, line: int, entry: DatasetSample) -> EvalSample:
        """Raises TemplateError."""
        turns = entry.conversation.turns
        asked = max((index for index, turn in enumerate(turns) if turn.trained), default=None)
        whole, rendered = self._scored(entry.conversation)
        rejected = self._scored(entry.rejected)[0] if entry.rejected else None
        digest = entry.digest.hex()
        before = entry.conversation.upto(asked or 0)
        if not any(turn.content or turn.extra for turn in before.turns):
            return EvalSample(path, line, digest, "", None, (), None, 0, whole, rejected)
        assert asked is not None
        prompt = self._chat.prompt(before)
        reference = _reference(rendered, turns[asked].content, self._chat)
        return EvalSample(
            path,
            line,
            digest,
            before.turns[-1].content,
            prompt,
            self._ids(prompt),
            reference,
            self._chat.count(reference),
            whole,
            rejected,
        )

    def _scored(self, conversation: Conversation) -> tuple[Scored, RenderedChat]:
        tokenized = self._chat.tokenize(conversation, self._recipe.train_on_inputs)
        # Longer ones are in the eval set only where training cuts them at the end, too.
        ids = tokenized.ids[: self._recipe.sequence_len]
        learned = tuple(place for place in range(1, len(ids)) if tokenized.trained[place])
        return Scored(ids, learned), tokenized.rendered

    def _ids(self, text: str) -> tuple[int, ...]:
        return tuple(self._chat.tokenizer.encode(text, add_special_tokens=False).ids)


def _reference(rendered: RenderedChat, content: str, chat: ChatTokenizer) -> str:
    """The text that the model learns to write for its last turn, without the token that ends it."""
    if not rendered.exact:
        return content
    start, end = rendered.trained[-1]
    text = rendered.text[start:end]
    ends = [place for token in chat.end_tokens if (place := text.rfind(token)) >= 0]
    return text[: max(ends)] if ends else text


def recipe_of(record: Record) -> Recipe:
    """The recipe that the run was trained by. Raises LintuneError."""
    return recipes.load(record.folder / run_files.RECIPE_LOCK)


def left_out(samples: Sequence[EvalSample], context: int) -> Iterator[LeftOut]:
    """Those of the samples that are longer than a context of so many tokens."""
    for sample in samples:
        if sample.longest > context:
            yield LeftOut(
                sample.path, sample.line, f"it has {sample.longest:,} tokens, and the context holds {context:,}"
            )
