"""The models' answers: each question asked once, its answer kept, also for the next session.

Several parties want answers: hovers, a person who insists, what asks ahead. A question goes on as long as one of them
does not let go of it.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import lintune_server.sidecar
from lintune_schemas.cache import Cache
from lintune_schemas.errors import LintuneError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

_KEPT = 2_000
"""Answers in memory; a few kilobytes each."""


class Priority(IntEnum):
    """Who asks, as the sidecar takes it: those of a larger number wait for those of a smaller one."""

    ASKED = 0
    """A person, who waits."""
    HOVER = 1
    AHEAD = 2
    """Nobody yet."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file as it was found. One that was written anew is another."""

    path: Path
    inode: int
    size: int
    modified: int

    @classmethod
    def of(cls, path: Path) -> ModelFile:
        """Raises LintuneError when it cannot be read."""
        try:
            stat = path.stat()
        except OSError as error:
            raise LintuneError(
                f"The model file {path} could not be read ({error.strerror}). Train the recipe again."
            ) from error
        return cls(path, stat.st_ino, stat.st_size, stat.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class Model:
    """What answers: a GGUF file, or an adapter on one. The same files are the same model, whatever it is called."""

    file: ModelFile
    adapter: ModelFile | None = None
    id: str = field(default="tuned", compare=False)
    beside: tuple[ModelFile, ...] = field(default=(), compare=False)
    """Other GGUF files that are asked the same, and so are worth to be in memory beside it."""
    context: int = field(default=0, compare=False)
    """Tokens of prompt and answer together, at least."""

    @property
    def path(self) -> Path:
        """The file that is this model's own."""
        return self.adapter.path if self.adapter else self.file.path


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt, rendered by the chat template, and how it is to be answered."""

    model: Model
    prompt: str
    max_tokens: int
    temperature: float
    stop: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    text: str
    tokens_per_second: float
    whole: bool = True
    """False where `max_tokens` cut it."""


class Asking:
    """A question that is asked, or was. To be waited for by `done`."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.text = ""
        """What has come so far."""
        self.owners: set[object] = set()
        """Who wants it."""
        self.done: asyncio.Future[Answer]

    @property
    def answer(self) -> Answer | None:
        """The answer once it is there. Raises LintuneError when there will be none."""
        if not self.done.done() or self.done.cancelled():
            return None
        return self.done.result()

    def heard(self, text: str) -> None:
        """So much of the answer is there."""
        self.text = text


class Preview:
    """Asks questions, none twice at once, and remembers the answers. Belongs to the event loop.

    ask: asks a model. What it gets last is to be told again and again what has come so far. Raises LintuneError.
    """

    def __init__(self, ask: Callable[[Question, Priority, Callable[[str], None]], Awaitable[Answer]]) -> None:
        self._ask = ask
        self._known: OrderedDict[Question, Asking] = OrderedDict()
        self._cache = Cache("answers", Path(lintune_server.sidecar.__path__[0]))

    def ask(self, questions: Sequence[Question], priority: Priority, owner: object) -> list[Asking]:
        """Ask one question after the other, those aside that were asked before. Failures are not kept.

        owner: who wants the answers, until it lets go of them.
        """
        askings: list[Asking] = []
        before: Asking | None = None
        for question in questions:
            asking = self._known.get(question)
            if asking is None:
                asking = self._known[question] = Asking(question)
                asking.done = asyncio.ensure_future(self._find(asking, priority, before))
                asking.done.add_done_callback(partial(self._settle, asking))
            self._known.move_to_end(question)
            asking.owners.add(owner)
            askings.append(asking)
            before = asking
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return askings

    def let_go(self, owner: object) -> None:
        """Somebody does not want answers any more: what is not there yet and nobody else wants is given up."""
        for asking in [one for one in self._known.values() if owner in one.owners]:
            asking.owners.discard(owner)
            if not asking.owners and not asking.done.done():
                # Another one who asks meanwhile asks anew: this one does not end at once.
                self._known.pop(asking.question, None)
                asking.done.cancel()

    async def knows(self, question: Question) -> bool:
        """Whether the answer is there already, or on its way."""
        return question in self._known or await asyncio.to_thread(self._kept, question) is not None

    async def known(self, question: Question) -> Answer | None:
        """The answer, if it is there already."""
        asking = self._known.get(question)
        if asking is None:
            return await asyncio.to_thread(self._kept, question)
        try:
            return asking.answer
        except LintuneError:
            return None

    def close(self) -> None:
        """Give up what is being asked; keep what was answered."""
        for asking in list(self._known.values()):
            asking.done.cancel()

    async def _find(self, asking: Asking, priority: Priority, before: Asking | None) -> Answer:
        question = asking.question
        answer = await asyncio.to_thread(self._kept, question)
        if answer is None:
            if before is not None:
                await asyncio.wait({before.done})
            answer = await self._ask(question, priority, asking.heard)
            await asyncio.to_thread(self._keep, question, answer)
        asking.text = answer.text
        return answer

    def _settle(self, asking: Asking, _: asyncio.Future[Answer]) -> None:
        # Reading the exception also tells asyncio that it was seen, when no one waits for it any more.
        failed = asking.done.cancelled() or asking.done.exception() is not None
        if failed and self._known.get(asking.question) is asking:
            del self._known[asking.question]
        asking.owners.clear()

    # Over restarts: an answer that is always the likeliest token is the same each time

    def _kept(self, question: Question) -> Answer | None:
        return self._cache.get(self._key(question), Answer) if question.temperature == 0 else None

    def _keep(self, question: Question, answer: Answer) -> None:
        if question.temperature == 0:
            self._cache.put(self._key(question), answer)
            self._cache.prune()

    def _key(self, question: Question) -> bytes:
        files = [dataclasses.astuple(file) for file in (question.model.file, question.model.adapter) if file]
        options = (question.max_tokens, question.temperature, question.stop)
        return self._cache.key_of(repr(files), question.prompt, repr(options))
