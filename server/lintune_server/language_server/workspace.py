"""The recipes of a workspace and their data sets: found, watched, and what is saved of them, by any program."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from lintune_schemas import recipe as recipes
from lintune_schemas.errors import LintuneError
from lintune_server.language_server.documents import Kind
from lintune_server.training.watcher import Watcher

if TYPE_CHECKING:
    from lintune_server.language_server.session import Session

_SEARCH_DEPTH = 3
_SEARCH_FOLDERS = 2_000
"""How far below a workspace folder recipes are looked for, and in how many folders: a large repository must
not keep the server busy. Those deeper down are found when they, or their data sets, are opened."""
_NOT_SEARCHED = {"node_modules", "__pycache__", "build", "dist", "venv"}


class Workspace:
    """Belongs to the event loop."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._datasets: dict[Path, frozenset[Path]] = {}
        """The data sets of each known recipe."""
        self._learning = asyncio.Lock()
        self._watcher: Watcher | None = None

    @property
    def recipes(self) -> list[Path]:
        """In the order in which they were found."""
        return list(self._datasets)

    @property
    def files(self) -> set[Path]:
        """The known recipes and their data sets."""
        return set(self._datasets).union(*self._datasets.values())

    def data_of(self, recipe: Path) -> frozenset[Path]:
        """A known recipe's data sets."""
        return self._datasets.get(recipe, frozenset())

    def recipes_of(self, file: Path) -> set[Path]:
        """The known recipes that have a data set."""
        return {recipe for recipe, data in self._datasets.items() if file in data}

    def beside(self, file: Path) -> set[Path]:
        """The other data sets of the recipes that have one, or of a recipe itself."""
        sets = [data for recipe, data in self._datasets.items() if file in data or file == recipe]
        return set().union(*sets) - {file}

    def only_recipe(self) -> Path:
        """The workspace's recipe: the only one, or the only one that is named recipe.yaml. Raises LintuneError."""
        known = self.recipes
        if not known:
            raise LintuneError("There is no recipe in this workspace. Write a recipe.yaml first.")
        plain = [recipe for recipe in known if recipe.name in recipes.RECIPE_NAMES]
        for candidates in (known, plain):
            if len(candidates) == 1:
                return candidates[0]
        raise LintuneError("This workspace has several recipes. Open the one to train.")

    async def settled(self) -> None:
        """Wait for what is being looked for: until then the recipes are not all known."""
        async with self._learning:
            return

    # What the client does

    async def begin(self, folders: list[Path]) -> None:
        """Find the recipes of the workspace and watch their files. The session has begun."""
        self._watcher = Watcher(self._files_saved)
        async with self._learning:
            for recipe in await asyncio.to_thread(_find_recipes, folders):
                await self._know(recipe)
        self._session.start(self._session.unopened.look())
        await self._session.training.recipes_found(self.recipes)

    async def folders_changed(self, added: list[Path], removed: list[Path]) -> None:
        """Folders were added to the workspace, or taken out."""
        async with self._learning:
            for recipe in [one for one in self._datasets if any(one.is_relative_to(folder) for folder in removed)]:
                del self._datasets[recipe]
            for recipe in await asyncio.to_thread(_find_recipes, added):
                await self._know(recipe)
        self._session.start(self._session.unopened.look())

    async def opened(self, path: Path, kind: Kind) -> None:
        """A recipe or a data set was opened in the editor."""
        async with self._learning:
            if path in self._datasets or any(path in data for data in self._datasets.values()):
                return
            recipe = path if kind is Kind.RECIPE else await asyncio.to_thread(recipes.find_for, path)
            if recipe is None or recipe in self._datasets:
                return
            await self._know(recipe)
        await self._session.training.recipes_found([recipe])

    async def saved(self, path: Path, kind: Kind) -> None:
        """A file was saved in the editor. The watcher makes one save of it and the file system's events."""
        await self.opened(path, kind)
        if self._watcher:
            self._watcher.saved(path)

    def close(self) -> None:
        if self._watcher:
            self._watcher.close()

    # Files

    async def _know(self, recipe: Path) -> None:
        """Take a recipe up, or read again which data sets it has, and watch them."""
        recipe = recipe.resolve()
        self._datasets.setdefault(recipe, frozenset())
        self._watch()  # before it is read: a change in between would never be noticed
        try:
            loaded = await asyncio.to_thread(recipes.load, recipe)
        except LintuneError:
            return  # its findings say what is wrong; until it is mended, its old data sets count
        self._datasets[recipe] = frozenset(recipes.real_path(path) for path in loaded.dataset_paths(recipe.parent))
        self._watch()

    def _watch(self) -> None:
        if self._watcher:
            for problem in self._watcher.watch(self.files):
                self._session.messages.log(problem)

    def _files_saved(self, files: frozenset[Path]) -> None:
        self._session.outlooks.forget()
        for recipe, data in self._datasets.items():
            if recipe in files:
                self._session.start(self._recipe_saved(recipe))
            elif files & data:
                self._session.training.saved(recipe)
        self._session.data_saved(files)

    async def _recipe_saved(self, recipe: Path) -> None:
        async with self._learning:
            await self._know(recipe)
        self._session.recipe_changed()
        self._session.training.saved(recipe)


def _find_recipes(workspace: list[Path]) -> list[Path]:
    """Files named as recipes in the workspace's folders and a little below them; those named recipe.yaml first."""
    found: list[Path] = []
    for top in map(str, workspace):
        for count, (name, folders, files) in enumerate(os.walk(top)):
            if count >= _SEARCH_FOLDERS:
                break
            depth = 0 if name == top else name[len(top) :].count(os.sep)
            folders[:] = sorted(
                entry for entry in folders if depth < _SEARCH_DEPTH and entry[0] != "." and entry not in _NOT_SEARCHED
            )
            found += (Path(name, file) for file in sorted(files) if recipes.is_recipe_name(Path(file)))
    return sorted(found, key=lambda path: path.name not in recipes.RECIPE_NAMES)
