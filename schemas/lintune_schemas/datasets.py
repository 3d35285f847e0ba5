"""Reading data sets: lines of JSON to samples, and the hash that says whether anything changed."""

from __future__ import annotations

import codecs
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from lintune_schemas import conversations, layouts, samples
from lintune_schemas.errors import LintuneError
from lintune_schemas.samples import SampleFormat

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lintune_schemas.conversations import Conversation
    from lintune_schemas.recipe import Dataset


@dataclass(frozen=True, slots=True)
class DatasetSample:
    """One sample, read: where it stands (1-based line) and what is trained on."""

    line: int
    conversation: Conversation
    digest: bytes = b""
    """SHA-256 of its contents: white space and key order do not change it."""
    rejected: Conversation | None = None
    """Of a preference pair the same prompt with the worse answer; `conversation` has the better one."""


@dataclass(frozen=True, slots=True)
class DatasetFile:
    """A data set that was read whole: its path, format, samples and the hash of their contents."""

    path: Path
    format: SampleFormat
    samples: tuple[DatasetSample, ...]
    content_hash: str
    """SHA-256 over the parsed samples: white space and key order do not change it."""
    snapshot: str
    """The name that a copy of these bytes has among the snapshots of runs."""


def read(path: Path, entry: Dataset | None = None, content: bytes | None = None) -> DatasetFile:
    """Read a JSON Lines data set for training. entry: the recipe's, which may say what the keys of samples are called.

    content: what the file held, if it is not to be read now. Raises LintuneError on the first thing that cannot be
    trained on; `lintune check` lists them all.
    """
    content = read_bytes(path) if content is None else content
    lines = [(number, _parse(path, number, line)) for number, line in _lines(content)]
    if not lines:
        raise LintuneError(f"The data set {path} is empty. Add samples, one JSON object a line.")
    of_file = layouts.of_file((sample for _, sample in lines), entry)
    layout = of_file.layout
    if layout is None:
        raise _refused(path, lines[0][0], "is in no known sample format")
    if of_file.unmet is not None:
        raise LintuneError(f"No sample of {path} is as the recipe says. See: lintune check {path}")
    pairs = layout.format is SampleFormat.PREFERENCE
    found: list[DatasetSample] = []
    digest = hashlib.sha256()
    for number, sample in lines:
        try:
            conversation = conversations.read(sample, layout)
            rejected = conversations.read(sample, layout, "rejected") if pairs else None
            canonical = _canonical(sample)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _refused(path, number, f"is no valid {layout.format} sample") from error
        digest.update(canonical + b"\n")
        found.append(DatasetSample(number, conversation, hashlib.sha256(canonical).digest(), rejected))
    snapshot = f"{hashlib.sha256(content).hexdigest()}.jsonl"
    return DatasetFile(path, layout.format, tuple(found), digest.hexdigest(), snapshot)


def digest_of(sample: dict[str, Any]) -> bytes:
    """`DatasetSample.digest` of a sample. Raises TypeError for what is nested too deep."""
    return hashlib.sha256(_canonical(sample)).digest()


def _canonical(sample: dict[str, Any]) -> bytes:
    contents = {key: value for key, value in sample.items() if key != samples.IGNORE_KEY}
    return orjson.dumps(contents, option=orjson.OPT_SORT_KEYS)  # refuses what is nested too deep


def read_bytes(path: Path) -> bytes:
    """What a data set's file holds. Raises LintuneError, with what to do, when it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise LintuneError(f"The data set {path} does not exist. Correct its path in the recipe.") from error
    except IsADirectoryError as error:
        raise LintuneError(f"The data set {path} is a folder. Name a .jsonl file in the recipe.") from error
    except OSError as error:
        raise LintuneError(f"The data set {path} could not be read: {error.strerror}.") from error


def _lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, numbered from 1. A byte order mark at the beginning is no part of the first."""
    for number, line in enumerate(content.removeprefix(codecs.BOM_UTF8).splitlines(), start=1):
        if line.strip():
            yield number, line


def _parse(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        sample = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise _refused(path, number, "is no valid JSON") from error
    if not isinstance(sample, dict):
        raise _refused(path, number, "is no JSON object")
    return sample


def _refused(path: Path, number: int, what: str) -> LintuneError:
    return LintuneError(f"{path}:{number} {what}. See: lintune check {path}")
