"""Runs that a client reads along: which ones it may read, what they are, and telling it when there is more."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lintune_schemas import recipe as recipes
from lintune_schemas import runs as run_files
from lintune_schemas.errors import LintuneError
from lintune_server.language_server import convert
from lintune_server.language_server.messages import State
from lintune_server.training import runs
from lintune_server.training.record import Glance, Record
from lintune_server.training.runs import RunState

if TYPE_CHECKING:
    from lintune_server.language_server.session import Session

RUN_CHANGED = "lintune/runChanged"

_EVERY = 0.25
"""Seconds between two looks, and so between two notifications about a run."""
_THOROUGH = 4
"""Each so many looks also see whether a trainer died."""
_MOST = 8
"""Runs that are watched: those that were read last."""


class RunRecords:
    """Belongs to the event loop."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._watched: OrderedDict[Path, tuple[Record, str]] = OrderedDict()
        """With how the client calls them."""
        self._seen: dict[Path, Glance] = {}
        self._looker: asyncio.Task[None] | None = None

    async def events(self, run: str, after: int) -> dict[str, Any]:
        """A page of a run's events, and how the run is. Watches it from now on. Raises LintuneError."""
        folder = await self.require(run)
        record = self._watch(folder, run)
        seen = await asyncio.to_thread(record.glance, None, True)
        self._seen.setdefault(folder, seen)
        page = await asyncio.to_thread(record.page, after)
        if page is None or seen.state is None:
            return {
                "lines": "",
                "after": 0,
                "next": 0,
                "more": False,
                "state": "gone",
                "resumable": False,
                "recipe": None,
            }
        recipe = await asyncio.to_thread(record.recipe)
        return {
            "lines": page.lines,
            "after": page.after,
            "next": page.next,
            "more": page.more,
            "state": seen.state,
            "resumable": await asyncio.to_thread(_is_resumable, folder, seen.state, recipe),
            "recipe": convert.uri_of(recipe) if recipe else None,
        }

    async def current(self) -> tuple[Path | None, bool]:
        """The run that goes on, else the newest of the workspace; and whether a training goes on (which may have begun
        no run yet, then it is None)."""
        await self._session.workspace.settled()
        status = self._session.messages.status
        if status.state in (State.TRAINING, State.EXPORTING):
            return (Path(status.run) if status.run else None), True
        folders = {recipe.parent for recipe in self._session.workspace.recipes}
        newest = await asyncio.to_thread(lambda: [next(run_files.run_directories(one), None) for one in folders])
        return max((run for run in newest if run), key=lambda run: run.name, default=None), False

    async def require(self, run: str) -> Path:
        """The directory of a run of a recipe of the workspace; it may be gone. Raises LintuneError for others."""
        await self._session.workspace.settled()
        folder = await asyncio.to_thread(recipes.real_path, Path(run))
        places = {recipes.real_path(run_files.runs_folder(recipe.parent)) for recipe in self._session.workspace.recipes}
        if folder.parent not in places:
            raise LintuneError(f"{run} is no run of a recipe in this workspace. Open the folder of its recipe first.")
        return folder

    def name_of(self, run: Path) -> str | None:
        """How the client calls a run that it reads along; None when it does not."""
        found = self._watched.get(recipes.real_path(run))
        return found[1] if found else None

    def close(self) -> None:
        if self._looker:
            self._looker.cancel()

    # Watching

    def _watch(self, folder: Path, name: str) -> Record:
        record, _ = self._watched.get(folder) or (Record(folder), name)
        self._watched[folder] = record, name
        self._watched.move_to_end(folder)
        while len(self._watched) > _MOST:
            self._seen.pop(self._watched.popitem(last=False)[0], None)
        if self._looker is None or self._looker.done():
            self._looker = self._session.start(self._look())
        return record

    async def _look(self) -> None:
        count = 0
        while self._watched:
            await asyncio.sleep(_EVERY)
            count += 1
            for folder, (record, name) in list(self._watched.items()):
                before = self._seen.get(folder)
                seen = await asyncio.to_thread(record.glance, before, count % _THOROUGH == 0)
                if folder in self._watched and before is not None and seen != before:
                    self._seen[folder] = seen
                    self._session.server.protocol.notify(RUN_CHANGED, {"run": name})


def _is_resumable(folder: Path, state: RunState, recipe: Path | None) -> bool:
    """Whether `lintune.resume` would go on with this very run."""
    if state in (RunState.RUNNING, RunState.FINISHED) or recipe is None:
        return False
    newest = runs.newest(recipe)
    return newest is not None and newest.name == folder.name
