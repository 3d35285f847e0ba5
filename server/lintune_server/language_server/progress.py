"""One work-done progress in the client: created, reported, ended; the user can cancel it there."""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING

from lsprotocol import types

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from typing import Any

    from pygls.lsp.server import LanguageServer

log = logging.getLogger(__name__)


class WorkDone:
    """A progress that the server starts. Silent for clients that show none, and until they are ready.

    on_cancel: called on the event loop when the user cancels; None for what is not cancelled.
    """

    def __init__(self, server: LanguageServer, title: str, on_cancel: Callable[[], None] | None) -> None:
        self._server = server
        self._title = title
        self._on_cancel = on_cancel
        self._token = str(uuid.uuid4())
        self._begun = False
        self._ended = False
        self._message = ""

    async def create(self) -> None:
        """Ask the client for it. To be run in the background: a client may take its time to answer."""
        window = self._server.client_capabilities.window
        if not window or not window.work_done_progress:
            return
        progress = self._server.work_done_progress
        await progress.create_async(self._token)
        if self._ended:
            return
        progress.tokens[self._token].add_done_callback(self._cancelled)
        progress.begin(
            self._token,
            types.WorkDoneProgressBegin(
                title=self._title, cancellable=self._on_cancel is not None, message=self._message, percentage=0
            ),
        )
        self._begun = True

    def report(self, message: str, percentage: int | None = None) -> None:
        self._message = message
        if self._begun and not self._ended:
            self._server.work_done_progress.report(
                self._token, types.WorkDoneProgressReport(message=message, percentage=percentage)
            )

    def end(self, message: str) -> None:
        self._ended = True
        if self._begun:
            self._server.work_done_progress.end(self._token, types.WorkDoneProgressEnd(message=message))
        self._server.work_done_progress.tokens.pop(self._token, None)

    def _cancelled(self, future: Future[Any]) -> None:
        if future.cancelled() and not self._ended and self._on_cancel:
            self._on_cancel()
