"""Samples in tokens, as `ChatTokenizer.tokenize` gives them; of large data sets kept for the next run."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from lintune_schemas.cache import Cache
from lintune_schemas.chat import IGNORED_LABEL
from lintune_schemas.chat_template import TemplateError
from lintune_schemas.errors import LintuneError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.chat import ChatTokenizer
    from lintune_schemas.datasets import DatasetFile

Tokens = tuple[tuple[int, ...], tuple[int, ...]]
"""ids and labels of one sample, equally long; labels are unshifted."""

_CACHE = Cache("tokens", Path(__file__).parent)
_WORTH_KEEPING = 500
"""Samples: they take a quarter of a second, and reading them back next to nothing."""


class _Kept(msgspec.Struct, frozen=True):
    """Tokens of all samples of a data set, one after the other."""

    lengths: bytes
    """int32, one a sample."""
    ids: bytes
    """int32, one a token."""
    trained: bytes
    """One bit a token."""


def of(file: DatasetFile, chat: ChatTokenizer, train_on_inputs: bool) -> Iterator[Tokens]:
    """Each sample of a data set in tokens. Raises LintuneError for one that the chat template refuses."""
    if len(file.samples) < _WORTH_KEEPING:
        yield from _tokenized(file, chat, train_on_inputs)
        return
    key = _CACHE.key_of(_identity(chat), repr(train_on_inputs), *(_asked(file)))
    kept = _CACHE.get(key, _Kept)
    if kept is None:
        kept = _packed(list(_tokenized(file, chat, train_on_inputs)))
        _CACHE.put(key, kept)
        _CACHE.prune()
    yield from _unpacked(kept)


def _tokenized(file: DatasetFile, chat: ChatTokenizer, train_on_inputs: bool) -> Iterator[Tokens]:
    for sample in file.samples:
        try:
            tokenized = chat.tokenize(sample.conversation, train_on_inputs)
        except TemplateError as error:
            where = f"{file.path.name}:{sample.line}"
            raise LintuneError(f"{where} does not fit the chat template: {error}") from error
        yield tokenized.ids, tuple(tokenized.labels)


def _identity(chat: ChatTokenizer) -> bytes:
    """What tells a tokenizer with its chat template from every other."""
    template = chat.template.source if chat.template else None
    described = repr((template, sorted(chat.special.items()), chat.add_bos))
    return hashlib.sha256(chat.tokenizer.to_str().encode() + described.encode()).digest()


def _asked(file: DatasetFile) -> Iterator[bytes]:
    """What of a file decides its tokens: how its samples are read as conversations, which the recipe has a say in."""
    yield file.content_hash.encode()
    digest = hashlib.sha256()
    for sample in file.samples:
        digest.update(repr(sample.conversation).encode("utf-8", "surrogatepass"))
    yield digest.digest()


def _packed(tokens: list[Tokens]) -> _Kept:
    lengths = np.array([len(ids) for ids, _ in tokens], dtype=np.int32)
    ids = np.fromiter((id_ for ids, _ in tokens for id_ in ids), dtype=np.int32)
    trained = np.fromiter((label != IGNORED_LABEL for _, labels in tokens for label in labels), dtype=np.bool_)
    return _Kept(lengths.tobytes(), ids.tobytes(), np.packbits(trained).tobytes())


def _unpacked(kept: _Kept) -> Iterator[Tokens]:
    ids = np.frombuffer(kept.ids, dtype=np.int32)
    trained = np.unpackbits(np.frombuffer(kept.trained, dtype=np.uint8), count=len(ids)).astype(np.bool_)
    labels = np.where(trained, ids, IGNORED_LABEL)
    start = 0
    for length in np.frombuffer(kept.lengths, dtype=np.int32).tolist():
        end = start + length
        yield tuple(ids[start:end].tolist()), tuple(labels[start:end].tolist())
        start = end
