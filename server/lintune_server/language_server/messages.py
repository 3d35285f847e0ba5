"""What the user is told outside of documents: messages, each once, and the state for a status bar."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from lsprotocol import types

if TYPE_CHECKING:
    from pathlib import Path

    from pygls.lsp.server import LanguageServer

log = logging.getLogger(__name__)

STATUS = "lintune/status"


class State(StrEnum):
    """The state of a workspace, for a status bar."""

    IDLE = "idle"
    """No recipe is known, or the workspace is not trusted."""
    UNTRAINED = "untrained"
    TRAINING = "training"
    EXPORTING = "exporting"
    PAUSED = "paused"
    READY = "ready"
    """There is a tuned model to ask."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Status:
    """Parameters of the notification `lintune/status`."""

    state: State
    text: str
    """Short, for a status bar."""
    detail: str = ""
    recipe: str | None = None
    """URI."""
    run: str | None = None
    """Path of the run directory."""
    step: int | None = None
    total: int | None = None
    loss: float | None = None
    resumable: bool = False
    """Whether `lintune.resume` goes on with a run that did not end."""


class Messages:
    """Sends messages to the client. To be used on the event loop."""

    def __init__(self, server: LanguageServer) -> None:
        self._server = server
        self._shown: set[tuple[Path | None, str]] = set()
        self.status = Status(State.IDLE, "")

    def error(self, message: str) -> None:
        self._show(types.MessageType.Error, message)

    def warning(self, message: str) -> None:
        self._show(types.MessageType.Warning, message)

    def info(self, message: str) -> None:
        self._show(types.MessageType.Info, message)

    def once(self, message: str, recipe: Path | None = None) -> None:
        """Show as an error, unless these words were shown for the same recipe and it was not forgotten since."""
        if (recipe, message) not in self._shown:
            self._shown.add((recipe, message))
            self.error(message)

    async def offer(self, message: str, action: str) -> bool:
        """Show a message with a button, and wait for the user. Whether it was pressed."""
        window = self._server.client_capabilities.window
        if not window or not window.show_message:
            self.warning(message)
            return False
        log.info("offered: %s", message)
        chosen = await self._server.window_show_message_request_async(
            types.ShowMessageRequestParams(types.MessageType.Warning, message, [types.MessageActionItem(action)])
        )
        return chosen is not None and chosen.title == action

    def forget(self, recipe: Path) -> None:
        """The recipe was mended or tried again: what is still wrong with it may be said again."""
        self._shown = {shown for shown in self._shown if shown[0] != recipe}

    def log(self, message: str) -> None:
        """A line in the client's log (in VS Code, the output panel)."""
        self._server.window_log_message(types.LogMessageParams(types.MessageType.Info, message))

    def set_status(self, status: Status) -> None:
        if status != self.status:
            self.status = status
            self._server.protocol.notify(STATUS, asdict(status))

    def note(self, detail: str) -> None:
        """Say something in the log and, beside what it shows, in the status."""
        self.log(detail)
        self.set_status(replace(self.status, detail=detail))

    def _show(self, type_: types.MessageType, message: str) -> None:
        log.info("shown: %s", message)
        self._server.window_show_message(types.ShowMessageParams(type_, message))
