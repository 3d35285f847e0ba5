"""From a prompt's tokens to the text of the answer, with what it took."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lintune_server.sidecar.worker.model import ModelError
from lintune_server.sidecar.worker.problems import ApiError
from lintune_server.sidecar.worker.text_stream import TextStream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from lintune_server.sidecar.worker.model import Model, Sampling


@dataclass(frozen=True, slots=True)
class Begun:
    """The prompt is accepted and its reading begins."""


@dataclass(frozen=True, slots=True)
class Piece:
    text: str


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


def complete(
    model: Model,
    ids: Sequence[int],
    *,
    max_tokens: int | None,
    sampling: Sampling,
    stops: Sequence[str],
    stop: Callable[[], bool],
) -> Generator[Event, None, None]:
    """Generate: Begun, then Pieces, then Finished.

    max_tokens: None for all that the context holds. stops: sequences before which the text ends; one that is
    a control token of the model counts as such, too. stop: whether to give up; it raises `Stopped` then.
    Raises ApiError.
    """
    check_prompt(model, ids)
    room = model.context - len(ids)
    limit = room if max_tokens is None else min(max_tokens, room)
    stop_ids = {ids_[0] for text in stops if len(ids_ := model.tokenize(text)) == 1 and not model.piece(ids_[0])}
    text = TextStream(stops)
    yield Begun()
    count = 0
    reason: Literal["stop", "length"] = "length"
    start = first = last = time.perf_counter()
    try:
        with closing(model.generate(ids, sampling, stop)) as tokens:
            for token in tokens:
                count += 1
                last = time.perf_counter()
                if count == 1:
                    first = last
                if model.is_end(token) or token in stop_ids:
                    reason = "stop"
                    break
                if piece := text.push(model.piece(token)):
                    yield Piece(piece)
                if text.stopped:
                    reason = "stop"
                    break
                if count == limit:
                    break
    except ModelError as error:
        raise ApiError(500, "model_failed", str(error)) from error
    if rest := text.finish():
        yield Piece(rest)
    yield Finished(reason, len(ids), count, first - start, last - first)


def check_prompt(model: Model, ids: Sequence[int]) -> None:
    if not ids:
        raise ApiError(400, "empty_prompt", "The prompt is empty. Give at least one token.", "prompt")
    if len(ids) >= model.context:
        raise ApiError(
            400,
            "context_length_exceeded",
            f"The prompt has {len(ids):,} tokens; prompt and answer together may have {model.context:,}. "
            "Shorten the prompt, or serve the model with a larger --context if it was trained for one.",
            "prompt",
        )
    wrong = next((id_ for id_ in ids if not 0 <= id_ < model.vocabulary_size), None)
    if wrong is not None:
        raise ApiError(
            400,
            "invalid_token",
            f"Token id {wrong} is not in the model's vocabulary (0 to {model.vocabulary_size - 1}).",
            "prompt",
        )
