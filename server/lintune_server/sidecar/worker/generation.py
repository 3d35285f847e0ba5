"""One request: from the tokens of its prompt to the text of its answer, whoever computes them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Literal

import numpy as np

from lintune_server.sidecar.worker.context import Chunk
from lintune_server.sidecar.worker.events import Finished, Likely, Piece, Scored, log_probabilities
from lintune_server.sidecar.worker.problems import ApiError
from lintune_server.sidecar.worker.sampling import Sampler
from lintune_server.sidecar.worker.slots import End
from lintune_server.sidecar.worker.text_stream import TextStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from lintune_server.sidecar.worker.context import Logits
    from lintune_server.sidecar.worker.engine import Engine
    from lintune_server.sidecar.worker.events import Event
    from lintune_server.sidecar.worker.grammar import Grammar
    from lintune_server.sidecar.worker.model import Adapter
    from lintune_server.sidecar.worker.sampling import Sampling
    from lintune_server.sidecar.worker.slots import Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is asked, in a model's tokens.

    max_tokens: None for all that the context holds. stops: sequences before which the text ends; one that is
    a control token of the model counts as such, too. logprobs: how many of the likeliest tokens are told beside each
    of the text; None for no probabilities. echo: whether the prompt is the beginning of the text.
    """

    engine: Engine
    adapter: Adapter | None
    prompt: list[int]
    max_tokens: int | None
    sampling: Sampling
    stops: list[str]
    grammar: Grammar | None = None
    logprobs: int | None = None
    echo: bool = False
    priority: int = 0


class Generation:
    """emit: takes the events, on the model thread. cancelled: whether nobody waits for them any more.

    Raises ApiError when the prompt cannot be answered.
    """

    _orders = count()

    def __init__(self, task: Task, emit: Callable[[Event | Exception], None], cancelled: Callable[[], bool]) -> None:
        self.engine, self.adapter, self.priority = task.engine, task.adapter, task.priority
        self.order = next(self._orders)
        self.emit = emit
        self.cancelled = cancelled
        self.slot: Slot | None = None
        self.over = False
        self.tokens = list(task.prompt)
        """The prompt's, and those of the answer behind them."""
        self._task = task
        self._vocabulary = vocabulary = task.engine.model.vocabulary
        _check_prompt(task)
        room = task.engine.context_length - len(task.prompt)
        self._limit = room if task.max_tokens is None else min(task.max_tokens, room)
        self._stop_ids = vocabulary.stop_ids(task.stops)
        self._text = TextStream(task.stops)
        self._sampler = Sampler(task.sampling, task.grammar, vocabulary.size)
        self._unsent: list[tuple[int, Scored]] = []
        """Tokens whose text is not certain yet, and where in the text each begins."""
        self._scores: list[Scored] | None = None
        if task.echo and task.logprobs is not None:
            self._scores = [Scored(vocabulary.name(task.prompt[0]), None, ())]
        self._count = 0
        self._start = self._first = self._last = 0.0
        self._nothing_to_compute = False
        if task.echo and self._scores is None:
            self._echo(())
        if self._limit == 0 and (self._scores is None or len(task.prompt) == 1):
            self._nothing_to_compute = True

    @property
    def scores_prompt(self) -> bool:
        return self._scores is not None

    @property
    def unread(self) -> int:
        """Tokens that must be read before the next one is known."""
        return len(self.tokens) - (len(self.slot.tokens) if self.slot else 0)

    def begin(self) -> None:
        """The clock runs from now on. An answer without a token, computed or scored, is over at once."""
        if not self._start:
            self._start = self._first = self._last = time.perf_counter()
        if self._nothing_to_compute:
            if self._scores is not None:
                self._echo(tuple(self._scores))
            self._finish("length")

    def chunk(self, room: int, outputs: int) -> Chunk:
        """The next tokens to read, at most `room` of them, with at most `outputs` outputs. It has a slot."""
        assert self.slot is not None
        start = len(self.slot.tokens)
        if self._scores is None:
            tokens = self.tokens[start : start + room]
            return Chunk(self.slot.sequence, start, tokens, int(start + len(tokens) == len(self.tokens)))
        tokens = self.tokens[start : start + min(room, outputs)]
        return Chunk(self.slot.sequence, start, tokens, len(tokens))

    def take(self, chunk: Chunk, at: int) -> None:
        """Go on with what was read, which begins at `at` in the batch. Raises ModelError and ApiError."""
        assert self.slot is not None
        self.slot.tokens += chunk.tokens
        context = self.engine.context
        if self._scores is not None:
            for index in range(len(chunk.tokens)):
                following = chunk.start + index + 1
                if following == len(self._scores) and following < len(self._task.prompt):
                    token = self.tokens[following]
                    self._scores.append(self._score(context.logits(at + index), token))
            if len(self._scores) == len(self._task.prompt):
                scores, self._scores = self._scores, None
                self._echo(tuple(scores))
                if self._limit == 0:
                    self._finish("length")
        if not self.over and self.unread == 0:
            logits = context.logits(at + len(chunk.tokens) - 1)
            if not self._count:
                self.slot.end = End(len(self.tokens), logits.copy())
            self._advance(logits)

    def recall(self) -> None:
        """Go on with what the slot remembers of the end of the prompt. Raises ModelError."""
        assert self.slot is not None
        assert self.slot.end is not None
        self._advance(self.slot.end.logits.copy())

    def fail(self, error: Exception) -> None:
        self._end()
        self.emit(error)

    def drop(self) -> None:
        """Nobody waits for it."""
        self._end()

    def _advance(self, logits: Logits) -> None:
        """The next token, after the last one that was read."""
        before = logits.copy() if self._task.logprobs is not None else None
        token = self._sampler.next(logits)
        self._count += 1
        self._last = time.perf_counter()
        if self._count == 1:
            self._first = self._last
        if self._vocabulary.is_end(token) or token in self._stop_ids:
            self._finish("stop")
            return
        self.tokens.append(token)
        if before is not None:
            self._unsent.append((self._text.length, self._score(before, token)))
        if piece := self._text.push(self._vocabulary.piece(token)):
            self._send(piece)
        if self._text.stopped or self._sampler.complete:
            self._finish("stop")
        elif self._count == self._limit:
            self._finish("length")

    def _echo(self, scores: tuple[Scored, ...]) -> None:
        prompt = b"".join(map(self._vocabulary.name, self._task.prompt))
        self.emit(Piece(prompt.decode("utf-8", "replace"), scores))

    def _send(self, text: str) -> None:
        scores = tuple(scored for start, scored in self._unsent if start < self._text.shown)
        self._unsent.clear()
        self.emit(Piece(text, scores))

    def _finish(self, reason: Literal["stop", "length"]) -> None:
        rest = self._text.finish()
        if rest or any(start < self._text.shown for start, _ in self._unsent):
            self._send(rest)
        self._end()
        seconds = self._first - self._start, self._last - self._first
        self.emit(Finished(reason, len(self._task.prompt), self._count, *seconds))

    def _end(self) -> None:
        if not self.over:
            self.over = True
            self._sampler.close()
            self.engine.release(self)

    def _score(self, logits: Logits, token: int) -> Scored:
        each = log_probabilities(logits)
        count = self._task.logprobs or 0
        best = np.argpartition(each, -count)[-count:] if count else np.empty(0, int)
        ranked = sorted(map(int, best), key=lambda id_: -each[id_])
        name = self._vocabulary.name
        top = tuple(Likely(name(id_), float(each[id_])) for id_ in ranked)
        return Scored(name(token), float(each[token]), top)


def _check_prompt(task: Task) -> None:
    """Raises ApiError."""
    ids, engine = task.prompt, task.engine
    if not ids:
        raise ApiError(400, "empty_prompt", "The prompt is empty. Give at least one token.", "prompt")
    longest = engine.context_length - (0 if task.max_tokens == 0 else 1)
    if len(ids) > longest:
        raise ApiError(
            400,
            "context_length_exceeded",
            f"The prompt has {len(ids):,} tokens; prompt and answer together may have {engine.context_length:,}. "
            "Shorten the prompt, or serve the model with a larger --context if it was trained for one.",
            "prompt",
        )
    size = engine.model.vocabulary.size
    wrong = next((id_ for id_ in ids if not 0 <= id_ < size), None)
    if wrong is not None:
        raise ApiError(
            400,
            "invalid_token",
            f"Token id {wrong} is not in the model's vocabulary (0 to {size - 1}). The prompt is from a tokenizer that "
            "is not this model's.",
            "prompt",
        )
