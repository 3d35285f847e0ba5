"""Recipes and data sets of the workspace that are not open: what is found in them as they are on disk.

Editors do not open very large files for extensions (VS Code from 50 MB on). What is found in those is told without
being asked for: of a recipe's data sets, and of those that a person looks at, which the client names. What is found in
all others is told to clients that ask for the workspace's diagnostics.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lintune_schemas.errors import LintuneError
from lintune_server.language_server import convert
from lintune_server.language_server.diagnostics import told
from lintune_server.language_server.text import split
from lintune_server.lint import checking

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lsprotocol import types

    from lintune_server.language_server.session import Session

LARGEST_OPENED = 50 << 20
"""Bytes: VS Code's limit for what it hands to extensions (`getModelSizeLimit`, textModelSync)."""


class Unopened:
    """Belongs to the event loop; what takes long is done by the analyst."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._told: dict[Path, str] = {}
        """The state in which each file was that the client was told of."""
        self._looking = asyncio.Lock()
        self._in_sight: dict[Path, str] = {}

    def in_sight(self, uris: Sequence[str]) -> None:
        """These files a person looks at, and the client does not hand over their text."""
        self._in_sight = {path: uri for uri in uris if (path := convert.path_of(uri)) and checking.is_data_set(path)}
        self._session.start(self.look())

    def changed(self, path: Path) -> None:
        """A file is another. Of those that belong to a recipe, its watcher tells."""
        if path in self._in_sight:
            self._session.start(self.look())

    async def look(self) -> None:
        """Tell what is found in the workspace's files that are too large to be opened, where they changed."""
        async with self._looking:
            # What a person opened is read in any case; the rest, only in a workspace that is trusted.
            files = self._session.workspace.files if self._session.trusted else set()
            for path in sorted(files.union(self._in_sight, self._told)):
                large = path in files and await asyncio.to_thread(_is_too_large, path)
                if large or (path in self._in_sight and await asyncio.to_thread(path.is_file)):
                    await self._look_at(path)
                elif self._told.pop(path, None) is not None:
                    self._tell(path, self._noted(path))

    def closed(self, path: Path) -> None:
        """A file is not open any more: of what was found in it the client has been told to forget all."""
        self._told.pop(path, None)
        if noted := self._noted(path):
            self._tell(path, noted)
        if path in self._session.workspace.files.union(self._in_sight):
            self._session.start(self.look())

    def noted(self, path: Path) -> None:
        """A training said something of samples in a file, or what it said counts no more."""
        if self._told.pop(path, None) is None:
            self._tell(path, self._noted(path))
        else:
            self._session.start(self.look())

    async def _look_at(self, path: Path) -> None:
        state = await self.state(path)
        if self._uri_of(path) in self._session.documents or self._told.get(path) == state:
            return
        self._told[path] = state
        try:
            self._tell(path, await self.diagnostics(path))
        except LintuneError as error:
            self._session.messages.log(str(error))

    def _tell(self, path: Path, found: list[types.Diagnostic]) -> None:
        uri = self._uri_of(path)
        if uri not in self._session.documents:  # which it may have become meanwhile
            self._session.diagnostics.of_unopened(uri, found)

    def _uri_of(self, path: Path) -> str:
        """As the client has it, where that is known: it may be that of a link."""
        return self._in_sight.get(path) or convert.uri_of(path)

    async def diagnostics(self, path: Path) -> list[types.Diagnostic]:
        """What is found in a file. Raises LintuneError."""
        analyst = self._session.analyst
        if checking.is_data_set(path):
            found = await analyst.found_in_file(path)
            lines: Sequence[str] = _Some(found.texts)
        else:
            text = await asyncio.to_thread(checking.read, path)
            found, lines = await analyst.found_in_recipe(path, text), split(text)
        convert_ = self._session.converter(lines).diagnostic
        shown = [convert_(finding) for finding in told(found.findings, found.left_out, path)]
        return [*shown, *self._noted(path)]

    def _noted(self, path: Path) -> list[types.Diagnostic]:
        """What the last training said of samples in a file."""
        findings = self._session.run_notes.of(path)
        convert_ = self._session.converter(_Some({one.range.start.line: "{" for one in findings})).diagnostic
        return [convert_(finding) for finding in findings]

    async def state(self, path: Path) -> str:
        """What changes with the file, and with what it is judged by."""
        files = sorted({path, *self._session.workspace.beside(path), *self._session.workspace.recipes_of(path)})
        stamps = await asyncio.to_thread(lambda: "-".join(_stamp(file) for file in files))
        return f"{stamps}+{len(self._session.run_notes.of(path))}"


class _Some(Sequence[str]):
    """Lines of which only some are known."""

    def __init__(self, known: Mapping[int, str]) -> None:
        self._known = known

    def __getitem__(self, number: Any) -> Any:
        return self._known.get(number, "")

    def __len__(self) -> int:
        return max(self._known, default=0) + 1


def _is_too_large(path: Path) -> bool:
    try:
        return checking.is_data_set(path) and path.stat().st_size > LARGEST_OPENED
    except OSError:
        return False


def _stamp(path: Path) -> str:
    try:
        stat = path.stat()
    except OSError:
        return ""
    return f"{stat.st_size:x}.{stat.st_mtime_ns:x}"
