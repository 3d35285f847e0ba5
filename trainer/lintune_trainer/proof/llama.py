"""A GGUF file in llama.cpp: its vocabulary, the logits that it gives for token ids, and its greedy answers."""

from __future__ import annotations

import ctypes
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import llama_cpp
import numpy as np

from lintune_schemas.errors import LintuneError
from lintune_schemas.processor import processor

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

Logits = np.ndarray[Any, np.dtype[np.float32]]
"""[positions, vocabulary]"""

_BATCH = 512
"""Tokens of several passages that are read at once. More are no faster on a CPU."""

_TOGETHER = 64
"""Passages in a batch; for each there is room for logits."""

_OUTPUTS = 2**25
"""Logits that llama.cpp holds at once: 128 MiB, 128 positions of Gemma's vocabulary."""

_ERROR = 3
"""GGML_LOG_LEVEL_ERROR of ggml.h."""


class LlamaError(LintuneError):
    """llama.cpp cannot load or read a file; the text is its own reason."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Token ids to read, and the positions in them whose logits are asked for, in order."""

    ids: tuple[int, ...]
    positions: tuple[int, ...]


class Answer(NamedTuple):
    ids: list[int]
    """End token included."""
    ended: bool
    """Whether it came to an end token, rather than to the limit."""


class _Piece(NamedTuple):
    """Tokens to read, as a part of one or more sequences."""

    sequences: Sequence[int]
    start: int
    """The position of the first."""
    ids: Sequence[int]
    asked: set[int]
    """Positions whose logits are asked for."""


class Vocabulary:
    """The tokenizer of a GGUF file, without its weights. Raises LlamaError."""

    def __init__(self, gguf: Path) -> None:
        parameters = llama_cpp.llama_model_default_params()
        parameters.vocab_only = True
        self._model = _load(gguf, parameters)
        self._vocabulary = llama_cpp.llama_model_get_vocab(self._model)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        llama_cpp.llama_model_free(self._model)

    def tokenize(self, text: str, *, add_special: bool = False) -> list[int]:
        """Token ids; the texts of control tokens are read as these. add_special: with the BOS and EOS that the file
        asks for, as llama.cpp's programs read a prompt."""
        data = text.encode()
        size = len(data) + 2  # no token is shorter than a byte
        buffer = (llama_cpp.llama_token * size)()
        count = llama_cpp.llama_tokenize(self._vocabulary, data, len(data), buffer, size, add_special, True)
        return list(buffer[:count])

    def is_end(self, token: int) -> bool:
        """Whether llama.cpp ends an answer at this token."""
        return bool(llama_cpp.llama_vocab_is_eog(self._vocabulary, token))


class LlamaModel:
    """A loaded GGUF file, on request with a LoRA adapter of the same format.

    context: tokens of the longest passage. Keys and values are kept in 32 bits and for all positions, since 16 bits
    and sliding caches are savings of a server, no properties of the file. Raises LlamaError.
    """

    def __init__(self, gguf: Path, adapter: Path | None = None, *, context: int) -> None:
        self._model = _load(gguf, llama_cpp.llama_model_default_params())
        self._vocabulary = llama_cpp.llama_model_get_vocab(self._model)
        self.vocabulary_size = int(llama_cpp.llama_vocab_n_tokens(self._vocabulary))
        self._capacity = max(context, _BATCH)
        self._outputs = max(min(_OUTPUTS // self.vocabulary_size, self._capacity), 1)
        self._batch = llama_cpp.llama_batch_init(self._capacity, 0, _TOGETHER)
        self._context: Any = None
        try:
            with _errors() as errors:
                self._context = llama_cpp.llama_init_from_model(self._model, self._parameters())
                if not self._context:
                    raise LlamaError(errors[0] if errors else f"llama.cpp has no room for {gguf.name}")
            if adapter is not None:
                self._adapt(adapter)
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        llama_cpp.llama_batch_free(self._batch)
        if self._context:
            llama_cpp.llama_free(self._context)
        llama_cpp.llama_model_free(self._model)  # its adapters go with it

    def read(self, passages: Sequence[Passage]) -> Iterator[Logits]:
        """The logits of each passage, one after the other; each array is the caller's. Raises LlamaError."""
        shared = common_start([passage.ids for passage in passages])
        batch: list[Passage] = []
        for passage in passages:
            together = [*batch, passage]
            tokens = shared + sum(len(one.ids) - shared for one in together)
            outputs = sum(len(one.positions) for one in together)
            if batch and (tokens > _BATCH or outputs > self._outputs or len(together) > _TOGETHER):
                yield from self._read_batch(batch, shared)
                batch = []
            batch.append(passage)
        if batch:
            yield from self._read_batch(batch, shared)

    def answer(self, prompt: Sequence[int], limit: int, ends: Collection[int]) -> Answer:
        """What follows a prompt when the likeliest token is taken each time, `limit` tokens at most. ends: the tokens
        that end it, beside those that end it in llama.cpp. Raises LlamaError."""
        self._clear()
        ids: list[int] = []
        tokens = list(prompt)
        while True:
            start = len(prompt) + len(ids) - len(tokens)
            self._decode([_Piece([0], start, tokens, {start + len(tokens) - 1})])
            token = int(self._logits(1)[0].argmax())
            ids.append(token)
            ended = token in ends or bool(llama_cpp.llama_vocab_is_eog(self._vocabulary, token))
            if ended or len(ids) == limit:
                return Answer(ids, ended)
            tokens = [token]

    def _parameters(self) -> Any:
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx = self._capacity
        parameters.n_batch = self._capacity
        parameters.n_ubatch = min(self._capacity, _BATCH)
        parameters.n_seq_max = _TOGETHER
        parameters.kv_unified = True  # passages share the context, whatever their lengths are
        parameters.n_threads = parameters.n_threads_batch = processor().cores
        parameters.type_k = parameters.type_v = llama_cpp.GGML_TYPE_F32
        parameters.swa_full = True
        return parameters

    def _adapt(self, adapter: Path) -> None:
        with _errors() as errors:
            handle = llama_cpp.llama_adapter_lora_init(self._model, str(adapter).encode())
        if not handle:
            raise LlamaError(errors[0] if errors else f"llama.cpp cannot put {adapter.name} on this model")
        handles = (llama_cpp.llama_adapter_lora_p_ctypes * 1)(handle)
        if llama_cpp.llama_set_adapters_lora(self._context, handles, 1, (ctypes.c_float * 1)(1.0)):
            raise LlamaError(f"llama.cpp cannot use {adapter.name}")

    def _read_batch(self, passages: Sequence[Passage], shared: int) -> Iterator[Logits]:
        """Of several passages, what they all begin with is read once."""
        self._clear()
        if len(passages) == 1:
            yield self._read_long(passages[0])
            return
        everyone = range(len(passages))
        pieces = [_Piece(everyone, 0, passages[0].ids[:shared], {at for one in passages for at in one.positions})]
        pieces += [_Piece([i], shared, one.ids[shared:], set(one.positions)) for i, one in enumerate(passages)]
        asked = self._decode(pieces)
        logits = self._logits(len(asked))
        rows = {place: row for row, place in enumerate(asked)}
        for number, passage in enumerate(passages):
            yield logits[[rows[0 if at < shared else number + 1, at] for at in passage.positions]]

    def _read_long(self, passage: Passage) -> Logits:
        """In pieces, each with no more positions than llama.cpp holds."""
        asked, parts = sorted(passage.positions), []
        start = 0
        for first in range(0, len(asked), self._outputs):
            positions = asked[first : first + self._outputs]
            end = positions[-1] + 1
            self._decode([_Piece([0], start, passage.ids[start:end], set(positions))])
            parts.append(self._logits(len(positions)).copy())
            start = end
        return np.concatenate(parts) if parts else np.empty((0, self.vocabulary_size), np.float32)

    def _clear(self) -> None:
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self._context), True)

    def _decode(self, pieces: Sequence[_Piece]) -> list[tuple[int, int]]:
        """Read pieces; returns, of each row of the logits that there are then, the index of its piece and position."""
        batch, count, rows = self._batch, 0, []
        for index, piece in enumerate(pieces):
            for position, token in enumerate(piece.ids, start=piece.start):
                batch.token[count] = token
                batch.pos[count] = position
                batch.n_seq_id[count] = len(piece.sequences)
                for number, sequence in enumerate(piece.sequences):
                    batch.seq_id[count][number] = sequence
                batch.logits[count] = position in piece.asked
                if position in piece.asked:
                    rows.append((index, position))
                count += 1
        batch.n_tokens = count
        with _errors() as errors:
            failed = llama_cpp.llama_decode(self._context, batch)
        if failed:
            raise LlamaError(errors[0] if errors else f"llama.cpp stopped reading (code {failed})")
        return rows

    def _logits(self, positions: int) -> Logits:
        """Of the last batch; a view that is good until the next one."""
        pointer = llama_cpp.llama_get_logits(self._context)
        return np.ctypeslib.as_array(pointer, (positions, self.vocabulary_size))


def common_start(texts: Sequence[tuple[int, ...]]) -> int:
    """How many tokens all of them begin with; of one text alone, none."""
    if len(texts) < 2:
        return 0
    low, high = min(texts), max(texts)  # in the order of their tokens; between those two are all others
    return next(
        (index for index, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high))
    )


def _load(gguf: Path, parameters: Any) -> Any:
    with _errors() as errors:
        model = llama_cpp.llama_model_load_from_file(str(gguf).encode(), parameters)
    if not model:
        raise LlamaError(errors[0] if errors else f"llama.cpp cannot load {gguf.name}")
    return model


@contextmanager
def _errors() -> Iterator[list[str]]:
    """What llama.cpp calls errors in its log meanwhile; all other words of it go nowhere."""
    found: list[str] = []

    def note(level: int, text: bytes, _data: ctypes.c_void_p) -> None:
        if level == _ERROR:
            found.append(text.decode("utf-8", "replace").strip())

    callback = llama_cpp.llama_log_callback(note)
    llama_cpp.llama_log_set(callback, None)
    try:
        yield found
    finally:
        llama_cpp.llama_log_set(_quiet, None)


_quiet = llama_cpp.llama_log_callback(lambda _level, _text, _data: None)
