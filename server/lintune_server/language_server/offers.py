"""Offering to go on with a training that died or rests: each once, with a button where the client has buttons."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from lintune_schemas import runs as run_files
from lintune_schemas.errors import LintuneError
from lintune_server.training import runs, trainers
from lintune_server.training.runs import RunState

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_server.language_server.session import Session
    from lintune_server.training.runs import Run

_WORTH_A_BOX = 24 * 3600.0
"""Seconds for which a run that is found when the editor starts is worth a message box. Later, the status is enough."""
_WAS = {RunState.DEAD: "killed", RunState.PAUSED: "paused"}


class Offers:
    """Belongs to the event loop."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._made: set[Path] = set()

    async def look(self, recipe: Path) -> None:
        """The editor has started: offer to go on with the recipe's newest run, if it did not end long ago."""
        if await asyncio.to_thread(trainers.is_at_work, recipe.parent):
            return  # perhaps on just that
        run = await asyncio.to_thread(runs.newest, recipe)
        if run and run.state in _WAS and await asyncio.to_thread(_is_recent, run):
            what = f"The training of {recipe.name} was {_WAS[run.state]} {run.place}. It can be resumed."
            self.make(recipe, run.folder, what)

    def make(self, recipe: Path, run: Path, what: str) -> None:
        """Offer to go on with a run, unless that was done. what: happened to it, and that it can be resumed."""
        if run not in self._made:
            self._made.add(run)
            self._session.start(self._ask(recipe, what))

    async def _ask(self, recipe: Path, words: str) -> None:
        if await self._session.messages.offer(words, "Resume Training"):
            try:
                await self._session.training.resume(recipe)
            except LintuneError as error:
                self._session.messages.error(str(error))


def _is_recent(run: Run) -> bool:
    try:
        return abs(time.time() - (run.folder / run_files.EVENTS).stat().st_mtime) < _WORTH_A_BOX
    except OSError:
        return False
