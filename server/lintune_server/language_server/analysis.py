"""Findings that follow a document: a moment after it changes, off the event loop, old results dropped."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintune_server.language_server.documents import Document, Kind
from lintune_server.lint import context as lint_context
from lintune_server.lint.dataset import DatasetLinter
from lintune_server.lint.recipe import check_recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Executor
    from typing import Any

    from lintune_server.lint.context import Context
    from lintune_server.lint.dataset import Inspection
    from lintune_server.lint.findings import Finding

DEBOUNCE = 0.15
"""Seconds of quiet before a change is analysed: shorter than a pause in typing that a person notices."""


@dataclass(frozen=True, slots=True)
class Report:
    """Findings, and the text that they are about."""

    version: int
    lines: tuple[str, ...]
    findings: tuple[Finding, ...]


class Analysis:
    """The findings of one document.

    publish: called on the event loop with every report that is still about the document's text.
    start: runs a coroutine in the background.
    """

    def __init__(
        self,
        document: Document,
        executor: Executor,
        publish: Callable[[Document, Report], None],
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self.document = document
        self._executor = executor
        self._publish = publish
        self._start = start
        self._loop = asyncio.get_running_loop()
        self._linter: DatasetLinter | None = None
        self._context: Context | None = None
        self._era = 0
        """Counts changes of the surroundings: the recipe, the tokenizer."""
        self._revision = 0
        """Counts every change of the text and of what it is judged by."""
        self._due = 0.0
        self._task: asyncio.Task[None] | None = None
        self._report: Report | None = None

    def changed(self, delay: float = DEBOUNCE) -> None:
        """The text is another: analyse it when it has been quiet for `delay` seconds."""
        self._revision += 1
        self._due = self._loop.time() + delay
        if self._task is None or self._task.done():
            self._task = self._start(self._follow())

    def surroundings_changed(self) -> None:
        """The recipe, or the model's tokenizer, is another: nothing that was found counts any more."""
        self._linter = None
        self._context = None
        self._era += 1
        self.changed(delay=0)

    @property
    def lacks_tokenizer(self) -> bool:
        """Whether a recipe was found, but not the tokenizer of its base model."""
        return self._context is not None and self._context.recipe is not None and self._context.tokenizer is None

    async def report(self) -> Report | None:
        """The findings of the text as it is now, waiting for them when they are on the way."""
        if self._task is not None:
            await asyncio.shield(self._task)
        return self._report

    def close(self) -> None:
        if self._task:
            self._task.cancel()

    async def context(self) -> Context:
        """The data set's recipe and tokenizer. Loading a tokenizer for the first time may take seconds."""
        while self._context is None:
            era = self._era
            found = await self._loop.run_in_executor(self._executor, lint_context.context_for, self.document.lint_path)
            if era == self._era:
                self._context = found
        return self._context

    async def inspect(self, line: str) -> Inspection | None:
        """One sample of the data set, read for its hover. None when the line holds none that can be read."""
        context = await self.context()
        return await self._loop.run_in_executor(None, DatasetLinter(self.document.lint_path, context).inspect, line)

    async def _follow(self) -> None:
        while True:
            while (rest := self._due - self._loop.time()) > 0:
                await asyncio.sleep(rest)
            revision = self._revision
            version, text = self.document.version, str(self.document.text)
            lines = tuple(self.document.text.lines)
            findings = await self._check(text)
            if revision == self._revision:
                self._report = Report(version, lines, tuple(findings))
                self._publish(self.document, self._report)
                return

    async def _check(self, text: str) -> list[Finding]:
        document = self.document
        match document.kind:
            case Kind.RECIPE:
                return await self._loop.run_in_executor(self._executor, check_recipe, text, document.lint_path)
            case Kind.DATASET:
                if self._linter is None:
                    context = await self.context()
                    self._linter = DatasetLinter(document.lint_path, context)
                return await self._loop.run_in_executor(self._executor, self._linter.check, text)
        return []
