"""What comes of a request while it is answered: Begun, then Pieces, then Finished."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from lintune_server.sidecar.worker.context import Logits


@dataclass(frozen=True, slots=True)
class Begun:
    """The prompt is accepted."""


@dataclass(frozen=True, slots=True)
class Likely:
    """A token, and the natural logarithm of its probability; None of a prompt's first token."""

    token: bytes
    logprob: float | None


@dataclass(frozen=True, slots=True)
class Scored(Likely):
    """A token of the text, and the likeliest ones in its place."""

    top: tuple[Likely, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """Text, and the tokens that it consists of, if they are asked for."""

    text: str
    tokens: tuple[Scored, ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    reason: Literal["stop", "length"]
    prompt_tokens: int
    completion_tokens: int
    """The end token and those of a stop sequence included: they were computed, too."""
    prompt_seconds: float
    """Until the first token; short when the beginning of the prompt was still in the context."""
    completion_seconds: float
    """From the first token to the last."""

    @property
    def tokens_per_second(self) -> float:
        """Speed of writing; of a single token, that of reading and writing it."""
        if self.completion_tokens < 2:
            return self.completion_tokens / self.prompt_seconds if self.prompt_seconds > 0 else 0.0
        return (self.completion_tokens - 1) / max(self.completion_seconds, 1e-9)


Event = Begun | Piece | Finished


def log_probabilities(logits: Logits) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """By the softmax of the model's own logits, whatever is sampled by."""
    shifted = logits.astype(np.float64) - logits.max()
    result: np.ndarray[tuple[int], np.dtype[np.float64]] = shifted - np.log(np.exp(shifted).sum())
    return result
