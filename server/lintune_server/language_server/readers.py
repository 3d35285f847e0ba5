"""The readers of the open data sets, each with what its lines are read by."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary, WeakSet

from lintune_server.language_server.datasets.reader import Reader
from lintune_server.lint.context import Context

if TYPE_CHECKING:
    from lintune_server.language_server.analysis import Analysis
    from lintune_server.language_server.documents import Document
    from lintune_server.language_server.session import Session

_PATIENCE = 0.02
"""Seconds that a request waits for what is not known yet, as a tokenizer that is being loaded. It has 0.05 in all."""
_LONG_PATIENCE = 10.0
"""Seconds for a client that cannot be told to ask again (Helix): a tokenizer is read out of a GGUF file in less."""


class _Known(NamedTuple):
    version: int
    """Of the text that the reader was made for."""
    reader: Reader


class Readers:
    """Gives each open data set its reader, which stays the same while the file's first lines and its recipe do."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: WeakKeyDictionary[Document, _Known] = WeakKeyDictionary()
        self._waiting: WeakKeyDictionary[Analysis, asyncio.Future[Context]] = WeakKeyDictionary()
        self._early: WeakSet[Analysis] = WeakSet()
        """Those whose context somebody asked for and did not get."""

    async def of(self, document: Document, *, asks_again: bool = True) -> Reader | None:
        """The reader of a data set; None when it is no longer open.

        While its recipe and tokenizer are still looked for, it is one without. The client is told to ask again once
        they are there.

        asks_again: False for what depends on them and for clients that would not come again: then they are waited for.
        """
        analysis = self._session.analyses.get(document.uri)
        if analysis is None:
            return None
        context = await self._context(analysis, _PATIENCE if asks_again else _LONG_PATIENCE)
        known = self._known.get(document)
        if known is not None and known.version == document.version and known.reader.context is context:
            return known.reader
        version, head = document.version, document.head
        old = known.reader if known is not None and known.reader.context is context else None
        if old is not None and await asyncio.to_thread(old.follows, head):
            reader = old
        else:
            reader = await asyncio.to_thread(Reader, document.lint_path, context, head)
        self._known[document] = _Known(version, reader)
        return reader

    def refresh(self) -> None:
        """Make the client ask again for what depends on tokenizers."""
        if self._session.refreshes("inlay_hint"):
            self._session.server.workspace_inlay_hint_refresh(None)
        if self._session.refreshes("semantic_tokens"):
            self._session.server.workspace_semantic_tokens_refresh(None)

    async def _context(self, analysis: Analysis, patience: float) -> Context:
        waiting = self._waiting.get(analysis)
        if waiting is None or waiting.done():
            waiting = self._waiting[analysis] = asyncio.ensure_future(analysis.context())
        await asyncio.wait({waiting}, timeout=patience)
        if waiting.done():
            return waiting.result()
        if analysis not in self._early:
            self._early.add(analysis)
            waiting.add_done_callback(lambda _: self._arrived(analysis))
        return _NOT_YET

    def _arrived(self, analysis: Analysis) -> None:
        self._early.discard(analysis)
        self.refresh()


_NOT_YET = Context()
