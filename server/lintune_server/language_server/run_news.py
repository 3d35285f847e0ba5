"""Telling the client that runs are not what they were, whoever changed them: `lintune/runsChanged {"recipe": URI}`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lintune_server.language_server import convert
from lintune_server.training import run_list

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_server.language_server.session import Session

CHANGED = "lintune/runsChanged"
_QUIET = 0.5
"""Seconds for which changes of a recipe's runs are gathered: a trainer says several things at once, many times."""
_LOOK_EVERY = 2.0
"""Seconds between two looks at what nobody told: what a terminal, another editor or a file manager does with runs."""


class RunNews:
    """Belongs to the event loop. Says nothing to a client that never asked for runs."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[Path, object] = {}
        """By the folder of recipes, what its runs were at the last look."""
        self._waiting: dict[Path, asyncio.TimerHandle] = {}
        self._watching: asyncio.Task[None] | None = None

    def wanted(self) -> None:
        """Somebody shows the runs."""
        if self._watching is None:
            self._watching = self._session.start(self._watch())

    def changed(self, recipe: Path) -> None:
        """A run of this recipe is another, or its runs are."""
        if self._watching is not None and recipe not in self._waiting:
            loop = asyncio.get_running_loop()
            self._waiting[recipe] = loop.call_later(_QUIET, self._tell, recipe)

    def end(self) -> None:
        """The session ends."""
        for timer in self._waiting.values():
            timer.cancel()
        if self._watching:
            self._watching.cancel()

    def _tell(self, recipe: Path) -> None:
        del self._waiting[recipe]
        self._session.server.protocol.notify(CHANGED, {"recipe": convert.uri_of(recipe)})

    async def _watch(self) -> None:
        known = set(self._session.workspace.recipes)
        while True:
            recipes = self._session.workspace.recipes
            for recipe in known.symmetric_difference(recipes):
                self.changed(recipe)
            known = set(recipes)
            for folder, recipe in {recipe.parent: recipe for recipe in reversed(recipes)}.items():
                state = await asyncio.to_thread(run_list.state_of, folder)
                if self._known.setdefault(folder, state) != state:
                    self._known[folder] = state
                    self.changed(recipe)
            await asyncio.sleep(_LOOK_EVERY)
