"""Asking models about samples before anybody hovers over them: what somebody looks at, when nothing else is going on.

Typing, and whatever is asked in so many words, comes first. While a training goes on, no more than a small share of the
time is taken from it.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from lintune_schemas.errors import LintuneError
from lintune_server.language_server import eval_samples
from lintune_server.language_server.documents import Kind
from lintune_server.language_server.preview import Priority
from lintune_server.sidecar.client import SidecarError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from lintune_server.language_server.documents import Document
    from lintune_server.language_server.prompts import PromptedSample
    from lintune_server.language_server.session import Session

_IDLE = 0.8
"""Seconds without typing or pointing."""
_VISIBLE = 20
"""Samples in sight that are asked about."""
_EVALUATED = 20
"""Samples of an eval set that are asked about when there is a new checkpoint."""
_PAUSE = 5.0
"""While a training goes on: how many times as long as an answer took nothing is asked then. It loses a sixth of
its time at the most, and only until what is in sight is answered."""


class Prefetch:
    """Belongs to the event loop."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._points: dict[str, int] = {}
        """By document, the line of the cursor or the pointer; the one that moved last is the last."""
        self._sight: dict[str, range] = {}
        """By document, the lines that the client asked about last because they are visible."""
        self._evaluated: Path | None = None
        """The recipe that has a new model."""
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def point(self, document: Document, line: int) -> None:
        """The cursor or the pointer is on a line."""
        if self._points.get(document.uri) != line or document.uri != next(reversed(self._points)):
            self._points.pop(document.uri, None)
            self._points[document.uri] = line
            self._begin()

    def see(self, document: Document, lines: range) -> None:
        """These lines are visible, or more than those: some clients ask about all."""
        if self._sight.get(document.uri) != lines:
            self._sight[document.uri] = lines
            self._begin()

    def model(self, recipe: Path) -> None:
        """There is another model to ask about the eval set of a recipe, and about what is visible; or there will be:
        the base model, which is asked then, is in memory when the first checkpoint comes."""
        self._evaluated = recipe
        self._begin(0.0)

    def typed(self) -> None:
        """The user types: whatever is asked ahead makes way."""
        if self._timer is not None:
            self._begin()

    def closed(self, uri: str) -> None:
        """A document was closed."""
        self._points.pop(uri, None)
        self._sight.pop(uri, None)

    def end(self) -> None:
        """Stop asking."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
        self._session.preview.let_go(self)

    def _begin(self, idle: float = _IDLE) -> None:
        """Begin anew, when nothing has happened for so many seconds."""
        self.end()
        if self._session.trusted:
            self._timer = asyncio.get_running_loop().call_later(idle, self._start)

    def _start(self) -> None:
        self._task = self._session.start(self._run())

    async def _run(self) -> None:
        with suppress(LintuneError):  # a hover says what is wrong; nobody has asked for this
            async for sample in self._samples():
                if not await self._ask(sample):
                    return

    async def _ask(self, sample: PromptedSample) -> bool:
        """Ask about a sample. False when there is no use in going on."""
        recipe = sample.context.recipe
        if recipe is None or not recipe.lintune.preview.prefetch:
            return False
        lineup = await self._session.questions.lineup(sample)
        if not lineup.asked:
            return False
        try:
            questions = sample.questions(lineup.asked)
        except LintuneError:
            return True  # this sample's template or tokens: another's may do
        preview = self._session.preview
        new = [question for question in questions if not await preview.knows(question)]
        begin = time.monotonic()
        for asking in preview.ask(new, Priority.AHEAD, self):
            with suppress(SidecarError):  # this prompt is too long
                await asyncio.shield(asking.done)
        if new and sample.context.recipe_path:
            self._session.run_answers.heard(sample.context.recipe_path, lineup)
        if new and self._session.training.running is not None:
            await asyncio.sleep(_PAUSE * (time.monotonic() - begin))
        return True

    async def _samples(self) -> AsyncIterator[PromptedSample]:
        """What is worth to be asked about, first things first."""
        for document, number in self._places():
            sample = await self._session.questions.read(document, number)
            if sample:
                yield sample
        if self._evaluated:
            for one in await asyncio.to_thread(eval_samples.first, self._evaluated, _EVALUATED):
                yield one.prompted
            self._evaluated = None

    def _places(self) -> Iterator[tuple[Document, int]]:
        documents = self._session.documents
        for uri, line in reversed(list(self._points.items())):
            if uri in documents and documents[uri].kind is Kind.DATASET:
                yield documents[uri], line
                break  # a person has one cursor
        for uri, lines in list(self._sight.items()):
            if uri in documents:
                for line in lines[:_VISIBLE]:
                    yield documents[uri], line
