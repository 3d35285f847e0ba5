"""What is to be expected of the open recipes' trainings: worked out in the background, a moment after a change."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from lintune_schemas.errors import LintuneError
from lintune_server.language_server.recipes.outlook import unknown
from lintune_server.lint.recipe_data import reads_much

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_server.language_server.documents import Document
    from lintune_server.language_server.recipes.outlook import Outlook
    from lintune_server.language_server.session import Session

_QUIET = 0.4
"""Seconds without a change before one is worked out: nobody reads numbers that change with each letter."""

_PATIENCE = 0.03
"""Seconds that a request waits for what is not known yet. It has 0.05 in all."""


class Outlooks:
    """Knows the outlook of each open recipe that somebody asked for."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: WeakKeyDictionary[Document, tuple[int, Outlook]] = WeakKeyDictionary()
        """With the version of the text that it is about."""
        self._running: WeakKeyDictionary[Document, asyncio.Task[None]] = WeakKeyDictionary()

    async def of(self, document: Document) -> Outlook | None:
        """What is known by now, be it of an older text. When more is known, the client is told to ask again."""
        version, found = self._known.get(document, (_STALE, None))
        running = self._running.get(document)
        if version != document.version and (running is None or running.done()):
            running = self._session.start(self._follow(document, 0.0 if found is None else _QUIET))
            self._running[document] = running
        if found is None and running is not None:
            await asyncio.wait({running}, timeout=_PATIENCE)
            _, found = self._known.get(document, (_STALE, None))
        return found

    def forget(self) -> None:
        """Files were saved: what was worked out may be another."""
        for document, (_, found) in list(self._known.items()):
            self._known[document] = (_STALE, found)
        if self._known:
            self._session.refresh_lenses()

    async def _follow(self, document: Document, quiet: float) -> None:
        _, before = self._known.get(document, (_STALE, None))
        while self._session.documents.get(document.uri) is document and document.path is not None:
            await asyncio.sleep(quiet)
            version, text = document.version, str(document.text)
            found = await self._work_out(text, document.path)
            self._known[document] = (version, found)
            if version == document.version:
                break
            quiet = _QUIET
        _, now = self._known.get(document, (_STALE, None))
        if now != before:
            self._session.refresh_lenses()

    async def _work_out(self, text: str, path: Path) -> Outlook:
        """In another process where much is to be read, so that typing stays quick."""
        try:
            if await asyncio.to_thread(reads_much, text, path):
                return await self._session.analyst.outlook(path, text)
            return await asyncio.to_thread(_estimate, text, path)
        except LintuneError as error:
            return unknown(str(error).rstrip("."))


def _estimate(text: str, path: Path) -> Outlook:
    from lintune_server.language_server.recipes import estimating  # a start without it is quicker

    return estimating.of_recipe(text, path)


_STALE = -1
"""A version that no text has."""
