"""The record of a run as somebody reads it along: by offsets, line by line, whoever writes it."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintune_schemas import runs as run_files
from lintune_server.training import runs
from lintune_server.training.run_log import RunLog
from lintune_server.training.runs import RunState

if TYPE_CHECKING:
    from pathlib import Path

_PAGE = 1 << 20
"""Bytes that are handed out at once, but for a line that is longer: some 3,000 events, which a page parses in less time
than it has for a frame."""


@dataclass(frozen=True, slots=True)
class Page:
    """Whole lines of a record."""

    lines: str
    after: int
    """The byte at which they begin: that which was asked for, or 0 when the file is another one by now."""
    next: int
    more: bool
    """Whether there are more already."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What can be seen of a record without reading it. Another one means that there is something to read."""

    file: tuple[int, int] | None
    """Its inode and its size; None when there is none."""
    state: RunState | None


class Record:
    """The record of one run directory. Threads may share it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._log = RunLog(folder)

    def page(self, after: int) -> Page | None:
        """What stands behind a byte. A last line that is not whole yet waits. None when the record is gone."""
        try:
            with (self.folder / run_files.EVENTS).open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                begin = after if 0 <= after <= size else 0
                file.seek(begin)
                data = file.read(_PAGE)
                more = len(data) == _PAGE
                if more and b"\n" not in data:
                    data += file.readline()
        except OSError:
            return None
        whole = data.rfind(b"\n") + 1
        return Page(data[:whole].decode("utf-8", "replace"), begin, begin + whole, more and whole > 0)

    def state(self) -> RunState | None:
        """Whether a trainer is at work on it, or how it ended; None when the record is gone."""
        with self._lock:
            if not (self.folder / run_files.EVENTS).is_file():
                return None
            self._log.look()
            return runs.state_of(self._log.last, self._log.pid, self.folder)

    def recipe(self) -> Path | None:
        """The recipe that is trained, as far as the run has said."""
        with self._lock:
            self._log.look()
            started = self._log.started
        lock = None if started else run_files.read_dataset_lock(self.folder)
        name = started.recipe if started else lock and lock.recipe
        return (self.folder / ".." / ".." / ".." / name).resolve() if name else None

    def glance(self, last: Glance | None, thoroughly: bool) -> Glance:
        """Look at it. thoroughly: also at whether the trainer is still there, which no file says."""
        try:
            stat = (self.folder / run_files.EVENTS).stat()
        except OSError:
            return Glance(None, None)
        file = stat.st_ino, stat.st_size
        if last and last.file == file and not (thoroughly and last.state is RunState.RUNNING):
            return last
        return Glance(file, self.state())
