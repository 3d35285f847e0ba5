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
        self._batch = llama_cpp.llama_batch_init(self._capacity, 0, 1)
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
        batch: list[Passage] = []
        for passage in passages:
            together = [*batch, passage]
            tokens, outputs = sum(len(one.ids) for one in together), sum(len(one.positions) for one in together)
            if batch and (tokens > _BATCH or outputs > self._outputs):
                yield from self._read_batch(batch)
                batch = []
            batch.append(passage)
        if batch:
            yield from self._read_batch(batch)

    def answer(self, prompt: Sequence[int], limit: int, ends: Collection[int]) -> Answer:
        """What follows a prompt when the likeliest token is taken each time, `limit` tokens at most. ends: the tokens
        that end it, beside those that end it in llama.cpp. Raises LlamaError."""
        self._clear()
        ids: list[int] = []
        tokens = list(prompt)
        while True:
            self._decode([(0, len(prompt) + len(ids) - len(tokens), tokens, {len(tokens) - 1})])
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
        parameters.n_seq_max = min(_BATCH, int(llama_cpp.llama_max_parallel_sequences()))
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

    def _read_batch(self, passages: Sequence[Passage]) -> Iterator[Logits]:
        self._clear()
        if len(passages) == 1:
            yield self._read_long(passages[0])
            return
        self._decode([(number, 0, one.ids, set(one.positions)) for number, one in enumerate(passages)])
        logits = self._logits(sum(len(one.positions) for one in passages))
        start = 0
        for passage in passages:
            yield logits[start : start + len(passage.positions)].copy()
            start += len(passage.positions)

    def _read_long(self, passage: Passage) -> Logits:
        """In pieces, each with no more positions than llama.cpp holds."""
        asked, parts = sorted(passage.positions), []
        start = 0
        for first in range(0, len(asked), self._outputs):
            piece = asked[first : first + self._outputs]
            end = piece[-1] + 1
            self._decode([(0, start, passage.ids[start:end], {position - start for position in piece})])
            parts.append(self._logits(len(piece)).copy())
            start = end
        return np.concatenate(parts) if parts else np.empty((0, self.vocabulary_size), np.float32)

    def _clear(self) -> None:
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self._context), True)

    def _decode(self, sequences: Sequence[tuple[int, int, Sequence[int], set[int]]]) -> None:
        """Read tokens of several sequences: of each its number, the position of its first token, the tokens, and which
        of these to give logits for."""
        batch, count = self._batch, 0
        for number, start, tokens, asked in sequences:
            for index, token in enumerate(tokens):
                batch.token[count] = token
                batch.pos[count] = start + index
                batch.n_seq_id[count] = 1
                batch.seq_id[count][0] = number
                batch.logits[count] = index in asked
                count += 1
        batch.n_tokens = count
        with _errors() as errors:
            failed = llama_cpp.llama_decode(self._context, batch)
        if failed:
            raise LlamaError(errors[0] if errors else f"llama.cpp stopped reading (code {failed})")

    def _logits(self, positions: int) -> Logits:
        """Of the last batch; a view that is good until the next one."""
        pointer = llama_cpp.llama_get_logits(self._context)
        return np.ctypeslib.as_array(pointer, (positions, self.vocabulary_size))


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
