"""Findings that follow a document.

Lines that are typed are checked at once, by themselves. All else follows when typing rests: of small documents in a
thread of this process, of large ones in the analyst's. Results are about the text as it was; the board moves them to
where it is now, and none is shown of a document that was closed, or judged by another recipe, in the meantime.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from lintune_server import memory
from lintune_server.analyst.client import AnalystGone
from lintune_server.analyst.selection import shown
from lintune_server.language_server.board import Board
from lintune_server.language_server.documents import Document, Kind
from lintune_server.language_server.line_findings import LineFindings
from lintune_server.language_server.remote import Remote
from lintune_server.lint import context as lint_context
from lintune_server.lint import fixing
from lintune_server.lint.dataset import DatasetLinter
from lintune_server.lint.lines import without_end
from lintune_server.lint.recipe_data import reads_much

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from lintune_server.language_server.remote import Surroundings
    from lintune_server.language_server.text import Change
    from lintune_server.lint.context import Context
    from lintune_server.lint.dataset import Inspection
    from lintune_server.lint.findings import Edit, Finding

_T = TypeVar("_T")

REST = 0.15
"""Seconds without a change after which the whole is analysed: shorter than a pause in typing that a person notices."""
_LARGE = 1 << 19
"""Characters of a data set from which on another process analyses it: here it would take a tenth of a second or more,
in which nothing else is answered quickly."""
_A_GLANCE = 1 << 15
"""Characters of a data set that is analysed before anybody could look at its first lines."""
_FIRST_LINES = 60
"""That are checked before all others: what a tall window shows first."""
_MOST_LINES = 400
"""That are checked by themselves at once: when more were pasted, the analysis is as fast."""


@dataclass(frozen=True, slots=True)
class Report:
    """Findings, and the text that they are about."""

    version: int
    lines: tuple[str, ...]
    findings: tuple[Finding, ...]
    left_out: int = 0
    """How many more there are, that are not shown."""
    id: str = ""
    """The same as long as the text and what is known of it are."""


class Analysis:
    """The findings of one document. Lives on the event loop."""

    def __init__(self, document: Document, surroundings: Surroundings) -> None:
        self.document = document
        self.board = Board()
        self._around = surroundings
        self._loop = asyncio.get_running_loop()
        self._context: Context | None = None
        self._lines: LineFindings | None = None
        self._era = 0
        """Counts changes of the recipe and the tokenizer."""
        self._revision = 0
        """Counts every change of the text and of what it is judged by."""
        self._typed: set[int] = set()
        """Lines that are to be checked by themselves."""
        self._line_task: asyncio.Task[None] | None = None
        self._due = 0.0
        self._task: asyncio.Task[None] | None = None
        self._linter: DatasetLinter | None = None
        self._remote = Remote(document, surroundings)
        self._closed = False

    def opened(self) -> None:
        """The document was opened: its first lines are looked at before the rest."""
        self.look(range(_FIRST_LINES))
        self._analyse_in(0)

    def edited(self, changes: Iterable[Change]) -> None:
        """The text is another."""
        for change in changes:
            self._revision += 1
            self.board.edited(change, self._revision)
            self._remote.edited(change)
            self._typed = {now for line in self._typed if (now := change.now(line)) is not None}
            self._typed.update(range(change.first, change.first + min(change.added, _MOST_LINES)))
        if self.document.kind is Kind.DATASET and self._typed:
            self._check_lines()
        self._analyse_in(REST)

    def look(self, lines: range) -> None:
        """These lines are in somebody's sight: while the whole is not analysed yet, they come first; and where there
        are more findings than are shown, theirs are."""
        known = self.board.revision >= 0 and not self.board.left_out
        if not known and self.document.kind is Kind.DATASET and self.document.text.size > _A_GLANCE:
            self._typed.update(range(lines.start, min(lines.stop, lines.start + _MOST_LINES)))
            self._check_lines()

    def surroundings_changed(self) -> None:
        """The recipe, or the model's tokenizer, is another: nothing that was found counts any more."""
        self._linter = self._lines = self._context = None
        self._era += 1
        self._revision += 1
        self._remote.renew = True
        self._typed |= self.board.fresh
        if self._typed:
            self._check_lines()
        self._analyse_in(0)

    def others_changed(self) -> None:
        """Another data set of the recipe is another: duplicates and leaks may be."""
        self._revision += 1
        self._analyse_in(0)

    @property
    def lacks_tokenizer(self) -> bool:
        """Whether a recipe was found, but not the tokenizer of its base model."""
        return self._context is not None and self._context.recipe is not None and self._context.tokenizer is None

    @property
    def settled(self) -> bool:
        """Whether the whole text as it is now was analysed."""
        return self.board.revision == self._revision

    async def report(self, *, whole: bool = True) -> Report:
        """The findings as they are known now, those of lines that were just typed waited for.

        whole: of a small document those of its analysis, too, which is on its way.
        """
        if self._line_task is not None:
            await asyncio.wait({self._line_task})
        if self._task is not None and whole and not self._is_large:
            await asyncio.wait({self._task})
        lines, board = tuple(self.document.text.lines), self.board
        edition = f"{self._remote.number}.{board.edition}"  # not that of the same file when it was open before
        return Report(self.document.version, lines, tuple(board.shown()), board.left_out, edition)

    async def fixes(self, code: str | None = None) -> list[Edit]:
        """The edits of all safe fixes in the document, or of those of one rule, at once.

        Raises LintuneError when they cannot be known.
        """
        if self._task is not None:
            await asyncio.wait({self._task})
        if self.board.left_out:
            return await self._remote.fixes(code)
        return fixing.safe_edits(one for one in self.board.shown() if code is None or one.code == code)

    def close(self) -> None:
        self._closed = True
        for task in (self._task, self._line_task):
            if task:
                task.cancel()
        self._remote.close()

    async def context(self) -> Context:
        """The data set's recipe and tokenizer. Loading a tokenizer for the first time may take seconds."""
        while self._context is None:
            era = self._era
            found = await self._in_thread(lint_context.context_for, self.document.lint_path)
            if era == self._era:
                self._context = found
        return self._context

    async def inspect(self, line: str) -> Inspection | None:
        """One sample of the data set, read for its hover. None when the line holds none that can be read."""
        context = await self.context()
        return await self._loop.run_in_executor(None, DatasetLinter(self.document.lint_path, context).inspect, line)

    # Lines by themselves

    def _check_lines(self) -> None:
        if self._line_task is None or self._line_task.done():
            self._line_task = self._around.start(self._follow_lines())

    async def _follow_lines(self) -> None:
        while self._typed:
            context = await self.context()
            if self._lines is None or self._lines.context is not context:
                self._lines = await self._in_thread(LineFindings, self.document.lint_path, context)
            revision, text = self._revision, self.document.text.lines
            asked = frozenset(self._typed)
            lines = {number: without_end(text[number]) for number in asked if number < len(text)}
            found = await self._in_thread(self._lines.check, lines, self.document.head)
            if self._closed:
                return
            if revision == self._revision:  # else they are asked for again, where they are now
                self._typed -= asked
                self.board.checked(found, revision)
                self._around.publish(self.document)

    # The whole

    def _analyse_in(self, seconds: float) -> None:
        self._due = self._loop.time() + seconds
        if self._closed:
            return
        if self._task is None or self._task.done():
            self._task = self._around.start(self._follow())

    async def _follow(self) -> None:
        while not self.settled:
            while (rest := self._due - self._loop.time()) > 0:
                await asyncio.sleep(rest)
            era = self._era
            try:
                findings, left_out, revision = await self._analyse()
            except AnalystGone:
                continue  # another one is started, until they die again and again
            except Exception:
                self._around.progress(self.document, 0, 0)
                raise
            if self._closed:
                return
            if era == self._era:
                first = self.board.revision < 0
                self.board.settle(findings, left_out, revision)
                if self._line_task is None or self._line_task.done():
                    self._around.publish(self.document)  # else with what is found on lines that were typed meanwhile
                if first:
                    await self._in_thread(memory.give_back)

    async def _analyse(self) -> tuple[Sequence[Finding], int, int]:
        """The findings that are shown, how many more there are, and the revision that they are about."""
        document, revision = self.document, self._revision
        path = document.lint_path
        match document.kind:
            case Kind.DATASET if self._is_large:
                return await self._remote.findings(lambda: self._revision)
            case Kind.DATASET:
                if self._linter is None:
                    self._linter = DatasetLinter(path, await self.context())
                if self._line_task is not None:
                    await asyncio.wait({self._line_task})  # both at once would each take twice as long
                revision, text = self._revision, str(document.text)
                return *shown(await self._in_thread(self._linter.check, text)), revision
            case Kind.RECIPE:
                text = str(document.text)
                if not await self._in_thread(reads_much, text, path):
                    return *shown(await self._in_thread(_found_in_recipe, text, path)), revision
                found = await self._around.analyst.found_in_recipe(path, text)
                return found.findings, found.left_out, revision
        return [], 0, revision

    async def _in_thread(self, work: Callable[..., _T], *arguments: object) -> _T:
        return await self._loop.run_in_executor(self._around.executor, work, *arguments)

    @property
    def _is_large(self) -> bool:
        return self.document.kind is Kind.DATASET and (self._remote.is_open or self.document.text.size > _LARGE)


def _found_in_recipe(text: str, path: Path) -> list[Finding]:
    from lintune_server.lint.recipe import check_recipe  # not before there is a recipe: it takes a while

    return check_recipe(text, path)
