"""The analyst as the language server sees it: started when first needed, and again when it died.

This is the only place that spawns it. It is asked one thing after the other; what it holds of a document is lost with
it, so whoever opened one looks at `life` to see whether it has to be opened again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from typing import TYPE_CHECKING

from lintune_schemas.errors import LintuneError
from lintune_server.analyst import messages
from lintune_server.analyst.messages import (
    AskFile,
    AskFixes,
    AskOutlook,
    AskPreflight,
    AskRecipe,
    Failed,
    Found,
    Open,
    Progress,
    packed,
)
from lintune_server.child_process import death

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Callable
    from pathlib import Path

    from lintune_server.analyst.messages import Ask, Change, Close, Reply
    from lintune_server.language_server.recipes.outlook import Outlook
    from lintune_server.lint.findings import Edit
    from lintune_server.training.preflight import Preflight

log = logging.getLogger(__name__)

_MOST_DEATHS = 3
"""In a row, without an answer in between: then something is in the text that kills it, or there is no memory."""

_REST = 60.0
"""Seconds for which it is left alone then. After that each death is one too many."""

_LAST_SECONDS = 2.0
"""From its last word to its end."""


class AnalystGone(LintuneError):  # noqa: N818 (it is no fault of ours)
    """The process died, and with it what it held and was asked."""


class AnalystClient:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self.life = 0
        """Another number whenever a process begins or ends."""
        self._process: Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._waiting: dict[int, tuple[asyncio.Future[Reply], Callable[[int, int], None]]] = {}
        self._numbers = 0
        self._deaths = 0
        self._died = 0.0
        self._closed = False
        self._sources: set[Path] = set()
        """Files that were handed over to the process, which deletes them, unless it dies before."""

    def number(self) -> int:
        """A new number, of a request or a document."""
        self._numbers += 1
        return self._numbers

    async def start(self) -> None:
        """Make sure that the process is there. Raises LintuneError when it cannot be, or died again and again."""
        async with self._starting:
            if self._process is not None and self._reader is not None:
                if not self._is_leaving(self._process):
                    return
                await asyncio.wait({self._reader})  # until everybody knows
            if self._closed:
                raise LintuneError("The language server is closing.")
            if self._deaths >= _MOST_DEATHS and asyncio.get_running_loop().time() < self._died + _REST:
                raise LintuneError(
                    "The process that analyses large files died again and again, perhaps out of memory. "
                    "What is typed is still checked; lintune check shows the rest."
                )
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "lintune_server.analyst"),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=None,
                )
            except OSError as error:
                raise LintuneError(f"The process that analyses large files could not be started: {error}") from error
            self.life += 1
            self._reader = asyncio.create_task(self._read(self._process))

    def tell(self, message: Open | Change | Close) -> None:
        """Say something that is not answered. Raises AnalystGone when there is no process."""
        if isinstance(message, Open):
            self._sources.add(message.source)
        self._write(message)

    async def found(
        self, request: Ask | AskRecipe | AskFile, progress: Callable[[int, int], None] = lambda *_: None
    ) -> Found:
        """Raises LintuneError, and AnalystGone when the process died."""
        reply = await self._ask(request, progress)
        assert isinstance(reply, Found)
        return reply

    async def fixes(self, document: int, code: str | None) -> list[Edit]:
        """Raises as `found` does."""
        reply = await self._ask(AskFixes(self.number(), document, code), lambda *_: None)
        assert isinstance(reply, messages.Fixes)
        return reply.edits

    async def found_in_recipe(self, path: Path, text: str) -> Found:
        """Raises as `found` does."""
        await self.start()
        return await self.found(AskRecipe(self.number(), path, text))

    async def found_in_file(self, path: Path) -> Found:
        """Raises as `found` does."""
        await self.start()
        return await self.found(AskFile(self.number(), path))

    async def outlook(self, path: Path, text: str) -> Outlook:
        """What is to be expected of the training of a recipe. Raises as `found` does."""
        await self.start()
        reply = await self._ask(AskOutlook(self.number(), path, text), lambda *_: None)
        assert isinstance(reply, messages.Expected)
        return reply.outlook

    async def preflight(self, path: Path, *, by_hand: bool) -> Preflight:
        """What a training of a recipe would begin with. Raises as `found` does."""
        await self.start()
        reply = await self._ask(AskPreflight(self.number(), path, by_hand), lambda *_: None)
        assert isinstance(reply, messages.Inspected)
        return reply.flight

    async def close(self) -> None:
        """End the process. May be called twice."""
        self._closed = True
        async with self._starting:
            if self._process is None or self._reader is None:
                return
            _kill(self._process)  # it holds nothing that is worth a farewell
            await asyncio.wait({self._reader})

    async def _ask(
        self,
        request: Ask | AskFixes | AskRecipe | AskFile | AskOutlook | AskPreflight,
        progress: Callable[[int, int], None],
    ) -> Reply:
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[request.number] = future, progress
        try:
            self._write(request)
            reply = await future
        finally:
            self._waiting.pop(request.number, None)
        if isinstance(reply, Failed):
            raise LintuneError(reply.message)
        return reply

    def _write(self, message: messages.Request) -> None:
        process = self._process
        if process is None or process.stdin is None or self._is_leaving(process):
            raise AnalystGone("The process that analyses large files is gone.")
        process.stdin.write(packed(message))

    @staticmethod
    def _is_leaving(process: Process) -> bool:
        """Whether it was seen to end, though not by whoever reads what it says."""
        return process.returncode is not None or process.stdin is None or process.stdin.is_closing()

    async def _read(self, process: Process) -> None:
        assert process.stdout is not None
        try:
            while True:
                length = int.from_bytes(await process.stdout.readexactly(messages.LENGTH), "little")
                self._answered(messages.replies.decode(await process.stdout.readexactly(length)))
        except (asyncio.IncompleteReadError, ConnectionError):
            code = await _ended(process)
        except Exception:  # it cannot be understood any more
            log.exception("the analyst is ended")
            _kill(process)
            code = await process.wait()
        self._process = None
        self.life += 1
        for source in self._sources:
            with contextlib.suppress(OSError):
                source.unlink(missing_ok=True)
        self._sources.clear()
        if not self._closed:
            self._deaths += 1
            self._died = asyncio.get_running_loop().time()
            log.warning("the analyst ended: %s", death(code))
        for future, _ in self._waiting.values():
            if not future.done():
                future.set_exception(AnalystGone(f"The process that analyses large files ended: {death(code)}."))

    def _answered(self, reply: Reply) -> None:
        future, progress = self._waiting.get(reply.number, (None, None))
        if future is None or future.done():
            if isinstance(reply, Failed) and not reply.number:
                log.error("the analyst: %s", reply.message)
            return
        if isinstance(reply, Progress):
            assert progress is not None
            progress(reply.done, reply.size)
        else:
            self._deaths = 0
            future.set_result(reply)


async def _ended(process: Process) -> int:
    """The exit code of a process that closed its pipe."""
    with contextlib.suppress(TimeoutError):
        return await asyncio.wait_for(process.wait(), _LAST_SECONDS)
    _kill(process)
    return await process.wait()


def _kill(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
