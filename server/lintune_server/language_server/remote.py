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
    from lintune_server.lint.findings import Finding


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the analyses of all documents share.

    publish: called on the event loop when there is something new to show of a document. progress: told the bytes of a
    large document that are read, and all. start: runs a coroutine in the background.
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
        await self._analyst.start()
        if not self.is_open:
            await self._open()
        for change in self._untold:
            self._analyst.tell(change)
        self._untold.clear()
        renew, self.renew, about = self.renew, False, revision()
        request = Ask(self._analyst.number(), self.number, renew)
        found = await self._analyst.found(request, lambda done, size: self._around.progress(self._document, done, size))
        return found.findings, found.left_out, about

    def close(self) -> None:
        self._closed = True
        if self.is_open:
            with suppress(AnalystGone):
                self._analyst.tell(Close(self.number))
        self._life = 0

    async def _open(self) -> None:
        self._life, self.renew = self._analyst.life, False
        self._untold.clear()  # what changes from now on is told after it was opened
        loop, lines = asyncio.get_running_loop(), list(self._document.text.lines)
        source = await loop.run_in_executor(self._around.executor, _written, lines)
        if self._closed:
            source.unlink()
            raise asyncio.CancelledError
        self._analyst.tell(Open(self.number, self._document.lint_path, source))


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
