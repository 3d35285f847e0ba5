"""Saves, by any program, each of them once.

An editor's save reaches us twice (its own notice, and the file system's), and the file system reports one
save in several events. Notices are gathered until the files have been quiet for a moment; what counts then is
whether the file on disk is another one than at the last save that was reported.

The system tells nothing of what happens on a network share, or in a folder that was not there when it was to be
watched, or was replaced by another one (as version control does). So now and then the files are looked at anyway.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from watchdog import events
from watchdog.observers import Observer

from lintune_schemas.recipe import real_path
from lintune_schemas.runs import STATE_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from watchdog.observers.api import BaseObserver, ObservedWatch

log = logging.getLogger(__name__)

_QUIET = 0.3
"""Seconds without another notice after which a save counts as done."""
_LONGEST_WAIT = 5.0
"""Seconds after which it counts although notices keep coming."""
_LOOK_EVERY = 2.0
"""Seconds between two looks at what nobody told. A look is one `stat` a file."""

_Signature = tuple[int, int, int, int]
_FolderId = tuple[int, int]
_WRITES: list[type[events.FileSystemEvent]] = [
    events.FileCreatedEvent,
    events.FileModifiedEvent,
    events.FileMovedEvent,  # editors that write a temporary file and rename it
    events.FileClosedEvent,
]


class Watcher(events.FileSystemEventHandler):
    """Calls `on_save` on the running event loop with the files that were saved. Create it inside the loop."""

    def __init__(
        self, on_save: Callable[[frozenset[Path]], None], quiet: float = _QUIET, look_every: float = _LOOK_EVERY
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_save = on_save
        self._quiet = quiet
        self._files: dict[Path, _Signature | None] = {}
        """What each file was at its last save, or when it was first watched; None while it does not exist."""
        self._reported: set[Path] = set()
        """Those of which a save was reported."""
        self._observer: BaseObserver | None = None
        self._watches: dict[Path, tuple[_FolderId, ObservedWatch]] = {}
        """Of each folder: which one it was, since another one may have its name by now."""
        self._unwatchable: set[Path] = set()
        """Folders of which it was said that they cannot be watched: that is not tried again and again."""
        self._noticed: set[Path] = set()
        self._first_notice = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._looking = asyncio.create_task(self._look_now_and_then(look_every))

    def watch(self, paths: Iterable[Path]) -> list[str]:
        """Watch exactly these files from now on; those watched before keep what is known of them.

        Returns a sentence for every folder that cannot be watched.
        """
        wanted = {real_path(path) for path in paths if STATE_FOLDER not in path.parts}
        known = self._files
        self._files = {path: known[path] if path in known else _signature(path) for path in wanted}
        return self._watch_folders()

    def saved(self, path: Path) -> None:
        """An editor says that it saved this file.

        The first save counts in any case: it may have come before the file was watched, and after it was read.
        """
        path = path.resolve()
        if path in self._files and path not in self._reported:
            self._files[path] = None
        self._notice(path)

    def close(self) -> None:
        """Stop watching. The observer's thread ends soon after."""
        self._looking.cancel()
        if self._timer:
            self._timer.cancel()
        if self._observer:
            self._observer.stop()

    def on_any_event(self, event: events.FileSystemEvent) -> None:
        """Called by watchdog on its own thread."""
        for name in (event.src_path, event.dest_path):
            path = Path(os.fsdecode(name))
            if name and path in self._files:
                with contextlib.suppress(RuntimeError):  # the loop is closed: the server is going down
                    self._loop.call_soon_threadsafe(self._notice, path)

    def _watch_folders(self) -> list[str]:
        """Watch the files' folders as they are now. Returns a sentence for each of which that is not possible."""
        folders = {path.parent: _folder_id(path.parent) for path in self._files}
        problems = []
        for folder in [one for one, (known, _) in self._watches.items() if folders.get(one) != known]:
            self._forget(folder)
        for folder, found in folders.items():
            if found is None or folder in self._watches or folder in self._unwatchable:
                continue
            try:
                if self._observer is None:
                    self._observer = Observer()
                    self._observer.start()
                watch = self._observer.schedule(self, str(folder), event_filter=_WRITES)
            except OSError as error:
                problems.append(
                    f"{folder} cannot be watched ({error.strerror or error}): what other programs save there "
                    "is noticed some seconds later."
                )
                self._unwatchable.add(folder)
            else:
                self._watches[folder] = found, watch
        return problems

    def _forget(self, folder: Path) -> None:
        _, watch = self._watches.pop(folder)
        if self._observer:
            with contextlib.suppress(KeyError, OSError):  # the folder itself may be gone
                self._observer.unschedule(watch)

    async def _look_now_and_then(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            files, folders = await asyncio.to_thread(_states, list(self._files))
            for path, signature in files.items():
                if path in self._files and signature not in (None, self._files[path]):
                    self._notice(path)
            known = {folder: id_ for folder, (id_, _) in self._watches.items()}
            if any(id_ != known.get(folder) for folder, id_ in folders.items() if folder not in self._unwatchable):
                self._watch_folders()

    def _notice(self, path: Path) -> None:
        if path not in self._files:
            return
        now = self._loop.time()
        if not self._noticed:
            self._first_notice = now
        self._noticed.add(path)
        if self._timer:
            self._timer.cancel()
        when = min(now + self._quiet, self._first_notice + _LONGEST_WAIT)
        self._timer = self._loop.call_at(when, self._settle)

    def _settle(self) -> None:
        saved = set()
        for path in self._noticed & self._files.keys():
            signature = _signature(path)
            if signature is not None and signature != self._files[path]:
                saved.add(path)
            self._files[path] = signature
        self._noticed.clear()
        self._reported |= saved
        if saved:
            self._on_save(frozenset(saved))


def _signature(path: Path) -> _Signature | None:
    """What tells one state of a file from another without reading it; None when there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    # The time of the last change to the file's record, too: of the others, a program can set the time as it likes.
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino


def _states(files: list[Path]) -> tuple[dict[Path, _Signature | None], dict[Path, _FolderId | None]]:
    """What the files, and their folders, are now."""
    return {path: _signature(path) for path in files}, {path.parent: _folder_id(path.parent) for path in files}


def _folder_id(path: Path) -> _FolderId | None:
    """What tells one folder of a name from another; None when there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None
