"""How the next token is chosen: by llama.cpp's samplers, of those tokens that the answer's format allows."""

from __future__ import annotations

import ctypes
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import llama_cpp
import numpy as np

from lintune_server.sidecar.worker.model import ModelError

if TYPE_CHECKING:
    from lintune_server.sidecar.worker.context import Logits
    from lintune_server.sidecar.worker.grammar import Grammar

_TOKEN_DATA = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
"""llama.cpp's `llama_token_data`."""

_PENALIZED = 64
"""Tokens of the answer that penalties look back on, llama.cpp's default."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """The defaults of OpenAI's API: the model's own distribution, uncut."""

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

    @property
    def penalizes(self) -> bool:
        return bool(self.frequency_penalty or self.presence_penalty)


class Sampler:
    """Of one answer. vocabulary_size: in tokens. To be closed."""

    def __init__(self, sampling: Sampling, grammar: Grammar | None, vocabulary_size: int) -> None:
        self._grammar = grammar
        self._chain = None if _is_plain(sampling) else _chain(sampling, vocabulary_size)

    def close(self) -> None:
        if self._chain is not None:
            llama_cpp.llama_sampler_free(self._chain)
            self._chain = None

    def next(self, logits: Logits) -> int:
        """The next token, by the model's logits, which are changed. Raises ModelError."""
        if not np.isfinite(logits.max()):
            raise ModelError(
                "The model's numbers are not finite: its file, or the adapter, is damaged. Export it again."
            )
        if self._grammar:
            self._grammar.mask(logits)
        token = int(logits.argmax()) if self._chain is None else _choose(self._chain, logits)
        if self._grammar:
            self._grammar.accept(token)
        return token

    @property
    def complete(self) -> bool:
        """Whether the format allows nothing more."""
        return self._grammar is not None and self._grammar.complete


def _is_plain(sampling: Sampling) -> bool:
    return sampling.temperature == 0 and not sampling.penalizes


def _choose(chain: llama_cpp.llama_sampler_p, logits: Logits) -> int:
    """The token that llama.cpp's samplers choose, which is told to them."""
    each = np.empty(len(logits), _TOKEN_DATA)
    each["id"] = np.arange(len(logits), dtype=np.int32)
    each["logit"] = logits
    each["p"] = 0.0
    data = ctypes.cast(each.ctypes.data, llama_cpp.llama_token_data_p)
    array = llama_cpp.llama_token_data_array(data=data, size=len(logits), selected=-1, sorted=False)
    llama_cpp.llama_sampler_apply(chain, ctypes.byref(array))
    token = int(array.data[array.selected].id)
    llama_cpp.llama_sampler_accept(chain, token)
    return token


def _chain(sampling: Sampling, vocabulary_size: int) -> llama_cpp.llama_sampler_p:
    """In the order of `llama_cpp.Llama`."""
    chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())

    def add(sampler: llama_cpp.llama_sampler_p) -> None:
        llama_cpp.llama_sampler_chain_add(chain, sampler)

    if sampling.penalizes:
        add(
            llama_cpp.llama_sampler_init_penalties(
                vocabulary_size, _PENALIZED, 1.0, sampling.frequency_penalty, sampling.presence_penalty
            )
        )
    if sampling.temperature == 0:
        add(llama_cpp.llama_sampler_init_greedy())
        return chain
    if sampling.top_k:
        add(llama_cpp.llama_sampler_init_top_k(sampling.top_k))
    if sampling.top_p < 1:
        add(llama_cpp.llama_sampler_init_top_p(sampling.top_p, 1))
    if sampling.min_p:
        add(llama_cpp.llama_sampler_init_min_p(sampling.min_p, 1))
    add(llama_cpp.llama_sampler_init_temp(sampling.temperature))
    seed = random.getrandbits(32) if sampling.seed is None else sampling.seed % 2**32
    add(llama_cpp.llama_sampler_init_dist(seed))
    return chain
