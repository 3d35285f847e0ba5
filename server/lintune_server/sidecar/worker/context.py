"""What a model has read: several sequences of tokens side by side, and the reading of more (a `llama_context`).

Not for several threads at once, but for `abort`.
"""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import llama_cpp
import numpy as np

from lintune_server.sidecar.worker import llama_log
from lintune_server.sidecar.worker.model import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_server.sidecar.worker.model import Adapter, Model

    Logits = np.ndarray[tuple[int], np.dtype[np.float32]]

CELL_STEP = 256
"""llama.cpp rounds the number of cells up to a multiple of this; asking for one keeps our numbers its."""

BATCH = 256
"""Tokens that are read at a time, at most: two thirds of a second of the demo model on one core. What comes meanwhile
waits for that long; larger ones read no faster (measured with 135M parameters on 2 cores)."""

OUTPUTS = 64
"""Tokens of a batch after which the next one's probabilities are known. Each takes the vocabulary in F32, which is a
megabyte for Gemma, and room for all of them is made at the start."""

_NO_ROOM, _ABORTED = 1, 2
"""What llama_decode returns."""


class NoRoom(Exception):  # noqa: N818 (it names what happened)
    """The cells do not suffice for the batch. Nothing of it was read."""


class Aborted(Exception):  # noqa: N818
    """Given up in the middle. What was read of the batch must be forgotten."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Tokens that are to be read behind those that a sequence has.

    sequence: its number. start: how many it has. outputs: after how many of the last ones the logits are wanted.
    """

    sequence: int
    start: int
    tokens: Sequence[int]
    outputs: int


class Context:
    """cells: tokens that all sequences may have together, a multiple of CELL_STEP; what several share is there once.

    threads: of the CPU. Raises ModelError.
    """

    def __init__(self, model: Model, *, cells: int, sequences: int, threads: int) -> None:
        self._vocabulary_size = model.vocabulary.size
        self._flag = ctypes.create_string_buffer(2)
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = cells
        params.n_batch = params.n_ubatch = BATCH
        params.n_seq_max = sequences
        params.n_outputs_max = OUTPUTS
        params.n_outputs_max_per_seq = 0  # as many as in all
        params.n_threads = params.n_threads_batch = threads
        # One pool of cells, so that sequences share their beginnings. Flash attention (where there is any: the
        # default is "auto") skips the cells of other sequences; without it, 3,000 of those halve the speed.
        params.kv_unified = True
        params.swa_full = True  # also where a layer looks back over a window only, a beginning can be gone back to
        params.abort_callback = ctypes.cast(_strlen(), llama_cpp.ggml_abort_callback)
        params.abort_callback_data = ctypes.cast(self._flag, ctypes.c_void_p)
        llama_log.forget_errors()
        pointer = llama_cpp.llama_init_from_model(model.pointer, params)
        if not pointer:
            cause = llama_log.first_error() or "memory may be short"
            raise ModelError(
                f"llama.cpp cannot make room for the tokens of {model.file.path}: {cause.rstrip('.')}. "
                "Give a smaller --context."
            )
        self._memory = llama_cpp.llama_get_memory(pointer)
        if not self._memory:
            llama_cpp.llama_free(pointer)
            raise ModelError(f"{model.file.path} is no model that writes text from left to right.")
        self._pointer = pointer
        self._batch = llama_cpp.llama_batch_init(BATCH, 0, 1)
        self._adapter: Adapter | None = None

    def close(self) -> None:
        llama_cpp.llama_batch_free(self._batch)
        llama_cpp.llama_free(self._pointer)

    def use(self, adapter: Adapter | None) -> None:
        """Compute with an adapter from now on, or without one."""
        if adapter is self._adapter:
            return
        if adapter is None:
            code = llama_cpp.llama_set_adapters_lora(self._pointer, None, 0, None)
        else:
            one = (llama_cpp.llama_adapter_lora_p_ctypes * 1)(adapter.pointer)
            code = llama_cpp.llama_set_adapters_lora(self._pointer, one, 1, (ctypes.c_float * 1)(1.0))
        if code:
            raise ModelError(f"llama.cpp cannot switch to the adapter ({code}). Ask again.")
        self._adapter = adapter

    def read(self, chunks: Sequence[Chunk]) -> list[int]:
        """Read chunks of different sequences; of each, where in the batch it begins, for `logits`.

        At most BATCH tokens and OUTPUTS outputs in all. Raises NoRoom, Aborted, ModelError.
        """
        batch, at, starts = self._batch, 0, []
        for chunk in chunks:
            starts.append(at)
            first_output = len(chunk.tokens) - chunk.outputs
            for index, token in enumerate(chunk.tokens):
                batch.token[at] = token
                batch.pos[at] = chunk.start + index
                batch.n_seq_id[at] = 1
                batch.seq_id[at][0] = chunk.sequence
                batch.logits[at] = index >= first_output
                at += 1
        batch.n_tokens = at
        code = llama_cpp.llama_decode(self._pointer, batch)
        if code == _NO_ROOM:
            raise NoRoom
        if code == _ABORTED:
            raise Aborted
        if code:
            raise ModelError(
                f"llama.cpp failed while it read the prompt (llama_decode returned {code}). Ask again; if it fails "
                "again, give a smaller --context."
            )
        return starts

    def logits(self, index: int) -> Logits:
        """What the model thinks of each token as the next one, after that at `index` of the last batch.

        A view: it can be changed, and is gone with the next batch.
        """
        pointer = llama_cpp.llama_get_logits_ith(self._pointer, index)
        return np.ctypeslib.as_array(pointer, (self._vocabulary_size,))

    def forget(self, sequence: int, start: int = 0) -> bool:
        """Remove a sequence's tokens from `start` on. False where only all of them can be forgotten."""
        return bool(llama_cpp.llama_memory_seq_rm(self._memory, sequence, start, -1))

    def share(self, source: int, target: int, count: int) -> None:
        """Give an empty sequence the first `count` tokens of another one. Takes no room and no time."""
        llama_cpp.llama_memory_seq_cp(self._memory, source, target, 0, count)

    def abort(self) -> None:
        """Make a `read` that is going on raise Aborted. From any thread."""
        self._flag[0] = b"1"

    def go_on(self) -> None:
        """Take back an `abort`."""
        self._flag[0] = b"\0"


def _strlen() -> Any:
    """C's strlen, as the function that llama.cpp asks for every operation whether to give up.

    Of a text of no characters it says 0, and of one character 1, which are false and true. A Python function would
    take 5 % of the speed (measured with 135M parameters).
    """
    if sys.platform == "win32":
        return ctypes.cdll.msvcrt.strlen
    return ctypes.CDLL(None).strlen
