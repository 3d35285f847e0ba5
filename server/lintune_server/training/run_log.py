"""The record of a run that may be going on: what was added since it was last looked at is all that is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lintune_schemas import events, runs
from lintune_schemas.events import AdapterSaved, RunResumed, RunStarted

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_schemas.events import Event


class RunLog:
    """What the events of a run directory come to. Not for several threads at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read = 0
        self._forget()

    def _forget(self) -> None:
        self.started: RunStarted | None = None
        self.pid: int | None = None
        """The process that carries it out, or did."""
        self.adapter: AdapterSaved | None = None
        """Of the newest checkpoint, where it can be asked."""
        self.last: Event | None = None

    @property
    def name(self) -> str:
        return self.folder.name

    def look(self) -> None:
        """Read what is new. Never raises: what cannot be read is left out."""
        try:
            with (self.folder / runs.EVENTS).open("rb") as file:
                if file.seek(0, 2) < self._read:  # another file than before
                    self._read = 0
                    self._forget()
                file.seek(self._read)
                data = file.read()
        except OSError:
            return
        whole = data.rfind(b"\n") + 1
        self._read += whole
        for line in data[:whole].splitlines():
            try:
                self._take(events.decode(line))
            except msgspec.DecodeError:
                continue

    def _take(self, event: Event) -> None:
        self.last = event
        match event:
            case RunStarted():
                self.started = event
                self.pid = event.pid
            case RunResumed():
                self.pid = event.pid
            case AdapterSaved():
                self.adapter = event
