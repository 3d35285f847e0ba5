"""A data set as far as a new recipe goes by it: its format, how many samples, how long they are."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import msgspec
import orjson

from lintune_schemas import conversations, layouts
from lintune_schemas.errors import LintuneError
from lintune_schemas.recipe import Dataset
from lintune_server.lint import checking, scanning
from lintune_server.lint.lines import BOM
from lintune_server.lint.shape import HEAD_BYTES, Head
from lintune_server.lint.statistics import percentile
from lintune_server.new_recipe.entries import entry_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lintune_schemas.conversations import Conversation
    from lintune_schemas.samples import SampleFormat
    from lintune_server.lint.context import Context
    from lintune_server.new_recipe.entries import Entry

_TOKENS_A_MESSAGE = 8
"""What chat templates write around one: role, special tokens, line ends. ChatML, Llama 3 and Gemma take 5; a system
message of the template's own takes some more."""
_LETTERS_A_TOKEN = 4
_OTHERS = re.compile(r"[^A-Za-z\s]")
"""Digits, signs and other scripts: taken for a token each. With four letters a token, that is no less than what
SmolLM2, Llama 3, Qwen 3 and Gemma 3 make of mathematics, JSON, code and documentation, and half as much again at the
most: rather too long than cut. `tests/server/new_recipe/test_drafts.py` compares."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """Of the samples, in tokens."""

    longest: int
    p99: int
    """What 99 % do not exceed."""
    total: int
    learned: int
    """Tokens that are trained on, of all samples."""
    exact: bool
    """Counted with the model's tokenizer, not estimated from characters."""
    values: tuple[int, ...] = ()

    def over(self, length: int) -> int:
        """How many samples are longer."""
        return sum(value > length for value in self.values)


@dataclass(frozen=True, slots=True)
class DataFile:
    path: Path
    entry: Entry
    """What its entry in a recipe has, but for the path."""
    format: SampleFormat
    samples: int
    lengths: Lengths
    """Estimated."""
    answer: int
    """Characters that 95 % of what is learned at once do not exceed."""
    templated: bool
    """Whether a chat template is applied: not to raw text."""
    faulty: int = 0
    """Samples that cannot be read."""

    def dataset(self, path: str) -> Dataset:
        return msgspec.convert({"path": path, **self.entry}, Dataset)


def examine(path: Path, progress: Callable[[int, int], None] = lambda *_: None) -> DataFile:
    """Look at a data set, whatever is wrong with single samples.

    progress: told the bytes that are done, and all. Raises LintuneError when it cannot be trained on.
    """
    if path.is_dir() or not path.exists() or not checking.is_data_set(path):
        _refuse(path)
    head = _head(path)
    entry = entry_of(head, path)
    layout = layouts.of_file(head, msgspec.convert({"path": path.name, **entry}, Dataset)).layout
    assert layout is not None
    lengths: list[int] = []
    answers: list[int] = []
    learned = faulty = 0
    for sample in _samples(path, progress):
        try:
            conversation = conversations.read(sample, layout)
        except (ValueError, KeyError, TypeError, AttributeError):
            faulty += 1
            continue
        own = [len(turn.content) for turn in conversation.turns if turn.trained]
        answers += own
        learned += sum(map(_tokens, (turn.content for turn in conversation.turns if turn.trained)))
        lengths.append(_estimate(conversation))
    if not lengths:
        raise LintuneError(f"No sample of {path.name} can be read as {layout.format}. See: lintune check {path}")
    return DataFile(
        path,
        entry,
        layout.format,
        len(lengths),
        _lengths(lengths, learned, exact=False),
        percentile(sorted(answers), 0.95) if answers else 0,
        layout.templated,
        faulty,
    )


def counted(path: Path, context: Context, progress: Callable[[int, int], None] = lambda *_: None) -> Lengths | None:
    """The samples' lengths in the tokens of the context's model. None when none can be counted."""
    part = scanning.scan(path, context, progress=progress).part
    pairs = [pair for pair in zip(part.tokens, part.trained_tokens, strict=True) if pair[0]]
    return _lengths([length for length, _ in pairs], sum(one for _, one in pairs), exact=True) if pairs else None


def _lengths(values: list[int], learned: int, *, exact: bool) -> Lengths:
    values.sort()
    return Lengths(values[-1], percentile(values, 0.99), sum(values), learned, exact, tuple(values))


def _refuse(path: Path) -> None:
    if not path.exists():
        raise LintuneError(f"There is no data set {path}. Give the path of a .jsonl file.")
    if path.is_dir():
        raise LintuneError(f"{path} is a folder. Give one of the .jsonl files in it.")
    raise LintuneError(f"{path} is no .jsonl file. Write the samples one JSON object a line, and name it .jsonl.")


def _head(path: Path) -> list[dict[str, object]]:
    try:
        with path.open("rb") as file:
            head = Head(path.stat().st_size, file.read(HEAD_BYTES), path.read_bytes)
        samples = list(islice(_samples(path), layouts.LOOKED_AT))
    except OSError as error:
        raise LintuneError(f"{path} could not be read: {error.strerror or error}.") from error
    if found := scanning.check_head(head, path):
        raise LintuneError(f"{path}: {found[0].message} See: lintune check {path}")
    if not samples:
        raise LintuneError(f"{path} holds no sample: no line of it is a JSON object. See: lintune check {path}")
    return samples


def _samples(path: Path, progress: Callable[[int, int], None] = lambda *_: None) -> Iterator[dict[str, object]]:
    size, done = path.stat().st_size, 0
    with path.open("rb") as file:
        for number, line in enumerate(file):
            done += len(line)
            if number % 1000 == 0:
                progress(min(done, size - 1), size)
            try:
                value = orjson.loads(line.removeprefix(BOM.encode()))
            except orjson.JSONDecodeError:
                continue
            if isinstance(value, dict):
                yield value


def _estimate(conversation: Conversation) -> int:
    around = _TOKENS_A_MESSAGE if conversation.templated else 1
    texts = [turn.content for turn in conversation.turns]
    texts += [
        orjson.dumps(value, default=str).decode() for value in (conversation.tools, *_extras(conversation)) if value
    ]
    return sum(_tokens(text) + around for text in texts)


def _extras(conversation: Conversation) -> list[object]:
    """What templates write besides the texts: calls of tools."""
    return [dict(turn.extra) for turn in conversation.turns]


def _tokens(text: str) -> int:
    others = len(_OTHERS.findall(text))
    return math.ceil((len(text) - others) / _LETTERS_A_TOKEN) + others
