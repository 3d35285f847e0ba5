"""One loaded model: text to tokens, tokens to more tokens. The only module that calls llama.cpp on a model.

Not for several threads at once; `model_thread` sees to that.
"""

from __future__ import annotations

import ctypes
import random
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import jinja2
import llama_cpp
import numpy as np

from lintune_schemas.chat_template import ChatTemplate
from lintune_schemas.errors import LintuneError
from lintune_server.sidecar.worker import llama_log

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

_CONTEXT_STEP = 256
"""llama.cpp rounds the length of a context up to a multiple of this; asking for one keeps our numbers its."""

_CHUNK = 128

_PIECE = 64
"""Bytes that nearly every token's text fits into; longer ones are asked for again."""


class ModelError(LintuneError):
    """The model cannot be loaded, or cannot go on. Its text says what to do."""


class Stopped(Exception):  # noqa: N818 (stopping is no error)
    """Nobody waits for the tokens any more."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen. The defaults of OpenAI's API: the model's own distribution, uncut."""

    temperature: float = 1.0
    """0: always the most likely token."""
    top_p: float = 1.0
    top_k: int = 0
    """0: all tokens."""
    min_p: float = 0.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    seed: int | None = None
    """None: another one each time."""


class Model:
    """A GGUF file, loaded, with a context of its own whose beginning is reused by prompts that share it.

    context: tokens of prompt and answer together; fewer when the model was trained for fewer. threads: of the
    CPU. Raises ModelError.
    """

    def __init__(self, path: Path, *, context: int, threads: int) -> None:
        llama_log.forget_errors()
        try:
            self._llama = llama_cpp.Llama(
                str(path),
                n_ctx=-(-context // _CONTEXT_STEP) * _CONTEXT_STEP,
                n_gpu_layers=-1,  # all of them, where llama.cpp was built for a GPU
                n_threads=threads,
                n_threads_batch=threads,
                verbose=False,
            )
        except (ValueError, RuntimeError, AssertionError, MemoryError, jinja2.TemplateError) as error:
            cause = llama_log.first_error() or str(error)
            raise ModelError(
                f"llama.cpp cannot load {path}: {cause.rstrip('.')}. If the file is damaged, export it "
                "again; if memory is short, give a smaller --context."
            ) from error
        self._vocabulary = llama_cpp.llama_model_get_vocab(self._llama.model)
        self._pieces: dict[int, bytes] = {}
        self._adapter: Path | None = None
        self._adapters: dict[Path, Any] = {}
        self.context = min(context, int(llama_cpp.llama_model_n_ctx_train(self._llama.model)))
        self.vocabulary_size = int(self._llama.n_vocab())

    def close(self) -> None:
        self._llama.close()

    def use(self, adapter: Path | None) -> None:
        """Answer with an adapter from now on, or without one. Raises ModelError."""
        if adapter == self._adapter:
            return
        self._llama.reset()
        self._adapter = None
        llama_cpp.llama_set_adapters_lora(self._llama.ctx, None, 0, None)
        if adapter is None:
            return
        if adapter not in self._adapters:
            llama_log.forget_errors()
            loaded = llama_cpp.llama_adapter_lora_init(self._llama.model, str(adapter).encode())
            if not loaded:
                raise ModelError(f"llama.cpp cannot load the adapter {adapter}: {llama_log.first_error()}.")
            self._adapters[adapter] = loaded
        one = (llama_cpp.llama_adapter_lora_p_ctypes * 1)(self._adapters[adapter])
        llama_cpp.llama_set_adapters_lora(self._llama.ctx, one, 1, (ctypes.c_float * 1)(1.0))
        self._adapter = adapter

    def logprobs(self, ids: Sequence[int]) -> list[float | None]:
        """The logarithm of each token's probability after those before it; of the first, None."""
        self._llama.reset()
        memory = llama_cpp.llama_get_memory(self._llama.ctx)
        llama_cpp.llama_memory_clear(memory, True)
        out: list[float | None] = [None]
        batch = llama_cpp.llama_batch_init(_CHUNK, 0, 1)
        try:
            for start in range(0, len(ids) - 1, _CHUNK):
                chunk = ids[start : start + _CHUNK]
                batch.n_tokens = len(chunk)
                for i, token in enumerate(chunk):
                    batch.token[i], batch.pos[i], batch.n_seq_id[i] = token, start + i, 1
                    batch.seq_id[i][0], batch.logits[i] = 0, True
                if code := llama_cpp.llama_decode(self._llama.ctx, batch):
                    raise ModelError(f"llama.cpp failed while it read the prompt ({code}).")
                for i, token in enumerate(ids[start + 1 : start + 1 + len(chunk)]):
                    logits = np.ctypeslib.as_array(
                        llama_cpp.llama_get_logits_ith(self._llama.ctx, i), (self.vocabulary_size,)
                    ).astype(np.float64)
                    top = logits.max()
                    out.append(float(logits[token] - top - np.log(np.exp(logits - top).sum())))
        finally:
            llama_cpp.llama_batch_free(batch)
            llama_cpp.llama_memory_clear(memory, True)
        return out

    def tokenize(self, text: str, *, parse_special: bool = True) -> list[int]:
        """Token ids of a text, nothing added. parse_special: read `<|im_end|>` as the control token."""
        ids: list[int] = self._llama.tokenize(text.encode(), add_bos=False, special=parse_special)
        return ids

    def with_bos(self, ids: list[int]) -> list[int]:
        """The ids with a BOS in front, when the model wants one and none is there."""
        bos = int(self._llama.token_bos())
        wanted = llama_cpp.llama_vocab_get_add_bos(self._vocabulary) and bos >= 0
        return [bos, *ids] if wanted and ids[:1] != [bos] else ids

    def is_end(self, token: int) -> bool:
        """Whether the model ends its answer with this token."""
        return bool(llama_cpp.llama_vocab_is_eog(self._vocabulary, token))

    def piece(self, token: int) -> bytes:
        """The text of a token in UTF-8, maybe half a character; empty for control tokens."""
        piece = self._pieces.get(token)
        if piece is None:
            piece = self._pieces[token] = self._read_piece(token)
        return piece

    def generate(self, ids: Sequence[int], sampling: Sampling, stop: Callable[[], bool]) -> Generator[int, None, None]:
        """The tokens that follow `ids`, without end; the first comes when all of `ids` is read.

        ids: at least one and fewer than `context`. stop: asked before every token, and while the prompt is
        read. Raises Stopped once it says True, and ModelError.
        """
        llama = self._llama
        llama.set_seed(random.getrandbits(31) if sampling.seed is None else sampling.seed % 2**32)
        interrupt = llama_cpp.ggml_abort_callback(lambda _: stop())
        # It is called for every operation on tensors: left on while tokens are written it would cost 5 % of
        # the speed (measured with 135M parameters).
        llama_cpp.llama_set_abort_callback(llama.ctx, interrupt, None)
        tokens = llama.generate(
            list(ids),
            temp=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k,
            min_p=sampling.min_p,
            frequency_penalty=sampling.frequency_penalty,
            presence_penalty=sampling.presence_penalty,
        )
        try:
            with closing(tokens):
                for token in tokens:
                    llama_cpp.llama_set_abort_callback(llama.ctx, llama_cpp.ggml_abort_callback(), None)
                    yield token
                    if stop():
                        raise Stopped
        except RuntimeError as error:  # "llama_decode returned N"
            llama.reset()  # how much of the last batch was read is not known
            if stop():
                raise Stopped from None
            raise ModelError(
                f"llama.cpp failed while it read the prompt ({error}). Ask again; if it fails again, "
                "give a smaller --context."
            ) from error
        finally:
            llama_cpp.llama_set_abort_callback(llama.ctx, llama_cpp.ggml_abort_callback(), None)

    @cached_property
    def chat_template(self) -> ChatTemplate | None:
        """The file's own. Raises TemplateError when it is no valid Jinja."""
        metadata: dict[str, str] = self._llama.metadata
        source = metadata.get("tokenizer.chat_template")
        if source is None:
            return None
        bos, eos = self._llama.token_bos(), self._llama.token_eos()
        special = {"bos_token": bos, "eos_token": eos}
        return ChatTemplate(source, {key: self._token_text(id_) for key, id_ in special.items() if id_ >= 0})

    def _token_text(self, token: int) -> str:
        text: bytes = llama_cpp.llama_vocab_get_text(self._vocabulary, token)
        return text.decode("utf-8", "replace")

    def _read_piece(self, token: int) -> bytes:
        size = _PIECE
        while True:
            buffer = ctypes.create_string_buffer(size)
            length: int = llama_cpp.llama_token_to_piece(self._vocabulary, token, buffer, size, 0, False)
            if length >= 0:
                return buffer.raw[:length]
            size = -length
