"""The copy of a large document that the analyst has."""

from __future__ import annotations

import asyncio
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lintune_schemas.errors import LintuneError
from lintune_server.analyst.client import AnalystGone
from lintune_server.analyst.messages import Ask, Change, Close, Open
from lintune_server.lint.lines import encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from concurrent.futures import Executor
    from typing import Any

    from lintune_server.analyst.client import AnalystClient
    from lintune_server.language_server import text
    from lintune_server.language_server.documents import Document
    from lintune_server.lint.findings import Edit, Finding


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the analyses of all documents share.

    publish: called on the event loop when there is something new to show of a document. progress: told the bytes of a
    large document that are read, and all, which are 0 when nobody reads it any more. start: runs a coroutine in the
    background.
    """

    executor: Executor
    analyst: AnalystClient
    publish: Callable[[Document], None]
    progress: Callable[[Document, int, int], None]
    start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


class Remote:
    """Opened when the document is first asked about, and told of the changes since."""

    def __init__(self, document: Document, surroundings: Surroundings) -> None:
        self._document = document
        self._around = surroundings
        self._analyst = surroundings.analyst
        self.number = surroundings.analyst.number()
        self.renew = False
        """Whether it is to be judged by another recipe than before."""
        self._life = 0
        """That of the analyst who has it; 0 for nobody."""
        self._untold: list[Change] = []
        self._telling = asyncio.Lock()
        self._closed = False

    @property
    def is_open(self) -> bool:
        return self._life > 0 and self._life == self._analyst.life

    def edited(self, change: text.Change) -> None:
        if self.is_open:
            self._untold.append(Change(self.number, change.first, change.removed, "".join(change.lines)))

    async def findings(self, revision: Callable[[], int]) -> tuple[Sequence[Finding], int, int]:
        """The findings that are shown, how many more there are, and the revision of the text that they are about.

        Raises LintuneError, and AnalystGone when the process died.
        """
        await self._tell()
        renew, self.renew, about = self.renew, False, revision()
        request = Ask(self._analyst.number(), self.number, renew)
        try:
            found = await self._analyst.found(
                request, lambda done, size: self._around.progress(self._document, done, size)
            )
        except LintuneError:
            self._forget()  # whatever it was: the next time it begins anew
            raise
        return found.findings, found.left_out, about

    async def fixes(self, code: str | None) -> list[Edit]:
        """The edits of all safe fixes, or of those of one rule. Raises as `findings` does."""
        await self._tell()
        return await self._analyst.fixes(self.number, code)

    def close(self) -> None:
        """Whoever waits for something is cancelled by the caller."""
        self._closed = True
        self._forget()

    async def _tell(self) -> None:
        """Make sure that the analyst has the text as it is now."""
        async with self._telling:
            await self._analyst.start()
            if not self.is_open:
                await self._open()
            for change in self._untold:
                self._analyst.tell(change)
            self._untold.clear()

    async def _open(self) -> None:
        self._life = life = self._analyst.life
        self.renew = False
        self._untold.clear()  # what changes from now on is told after it was opened
        lines = list(self._document.text.lines)
        writing = asyncio.get_running_loop().run_in_executor(self._around.executor, _written, lines)
        try:
            source = await asyncio.shield(writing)
        except asyncio.CancelledError:
            self._life = 0
            (await writing).unlink()
            raise
        except LintuneError:
            self._life = 0
            raise
        if self._closed or life != self._analyst.life:
            source.unlink()
            raise AnalystGone("The process that analyses large files ended.")
        self._analyst.tell(Open(self.number, self._document.lint_path, source))

    def _forget(self) -> None:
        if self.is_open:
            with suppress(AnalystGone):
                self._analyst.tell(Close(self.number))
        self._life = 0
        self._untold.clear()


def _written(lines: Sequence[str]) -> Path:
    """A file with the text; whoever reads it deletes it. Raises LintuneError."""
    handle, name = tempfile.mkstemp(prefix="lintune-", suffix=".jsonl")
    try:
        with os.fdopen(handle, "wb") as file:
            for start in range(0, len(lines), _AT_ONCE):
                file.write(encoded("".join(lines[start : start + _AT_ONCE])))
    except OSError as error:
        Path(name).unlink()
        raise LintuneError(
            f"A large file is analysed from a copy in {Path(name).parent}, and: {error.strerror}."
        ) from error
    return Path(name)


_AT_ONCE = 1_000
"""Lines: a thread that encodes holds up all others."""
