"""The tuned model's answers: each question asked once, its answer kept; one sidecar for the workspace."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

_KEPT = 2_000
"""Answers; a few kilobytes each."""


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt, rendered by the chat template, and how it is to be answered."""

    model: Path
    """The GGUF file."""
    prompt: str
    max_tokens: int
    temperature: float
    stop: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    text: str
    tokens_per_second: float


class Preview:
    """Asks questions, one at a time and none twice, and remembers the answers.

    complete: asks the sidecar. Raises LintuneError.
    """

    def __init__(self, complete: Callable[[Question], Awaitable[Answer]]) -> None:
        self._complete = complete
        self._answers: OrderedDict[Question, asyncio.Future[Answer]] = OrderedDict()
        self._turn = asyncio.Lock()
        self._asking: Question | None = None
        self._glimpsed: Question | None = None

    def ask(self, question: Question, *, glimpse: bool = False) -> asyncio.Future[Answer]:
        """The answer when it is known, the asking that is going on, or a new one. Failures are not kept.

        glimpse: the question of a hover. It gives way to the next hover's when its turn has not come: a
        pointer that sweeps over a file would leave a long queue behind it. It is cancelled then.
        """
        if glimpse:
            self._drop_glimpse(unless=question)
        elif self._glimpsed == question:
            self._glimpsed = None  # now someone insists
        known = self._answers.get(question)
        if known is not None:
            self._answers.move_to_end(question)
            return known
        asking = asyncio.ensure_future(self._ask_in_turn(question))
        asking.add_done_callback(lambda done: self._settle(question, done))
        self._answers[question] = asking
        if glimpse:
            self._glimpsed = question
        while len(self._answers) > _KEPT:
            self._answers.popitem(last=False)
        return asking

    def close(self) -> None:
        """Give up what is being asked; keep what was answered."""
        for asking in list(self._answers.values()):
            asking.cancel()

    async def _ask_in_turn(self, question: Question) -> Answer:
        async with self._turn:
            self._asking = question
            try:
                return await self._complete(question)
            finally:
                self._asking = None

    def _drop_glimpse(self, unless: Question) -> None:
        dropped, self._glimpsed = self._glimpsed, None
        if dropped is not None and dropped not in (unless, self._asking) and dropped in self._answers:
            self._answers[dropped].cancel()

    def _settle(self, question: Question, asking: asyncio.Future[Answer]) -> None:
        # Reading the exception also tells asyncio that it was seen, when no one waits for it any more.
        if asking.cancelled() or asking.exception() is not None:
            self._answers.pop(question, None)
