"""New samples at the end of a data set: how they would be written, what the linter says of them, and added."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from lintune_schemas.errors import LintuneError
from lintune_schemas.recipe import real_path
from lintune_schemas.samples import LAYOUTS, SampleFormat
from lintune_server.language_server import convert
from lintune_server.language_server.datasets import written_sample
from lintune_server.lint.context import context_for
from lintune_server.lint.dataset import DatasetLinter
from lintune_server.lint.layouts import surroundings_of
from lintune_server.lint.lines import BLANK, BOM, with_ends, without_end

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lintune_server.language_server.datasets.written_sample import Said
    from lintune_server.language_server.documents import Document
    from lintune_server.language_server.session import Session
    from lintune_server.lint.findings import Finding


@dataclass(frozen=True, slots=True)
class Draft:
    """A sample that is not added yet."""

    path: Path
    text: str
    """The line, without its end."""
    line: int
    """0-based: where it will stand."""
    findings: tuple[Finding, ...]
    before: str
    """The text that the data set has now."""

    @property
    def addition(self) -> str:
        """What is to be put behind the text: also an end for its last line, where that has none."""
        last = with_ends(self.before)[-2:]
        end = "\r\n" if any(line.endswith("\r\n") for line in last) else "\n"
        ended = not last or last[-1] != without_end(last[-1])
        return ("" if ended else end) + self.text + end

    def as_result(self) -> dict[str, Any]:
        findings = [{"code": one.code, "severity": one.severity.label, "message": one.message} for one in self.findings]
        return {"dataset": convert.uri_of(self.path), "line": self.line, "text": self.text, "findings": findings}


@dataclass(frozen=True, slots=True)
class _Added:
    """What was put into a file, to be taken out again."""

    size: int
    """Of the file before, in bytes."""
    data: bytes


class NewSamples:
    """Belongs to the event loop."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._added: dict[Path, _Added] = {}
        """Of each file the last one."""

    async def draft(self, path: Path, conversation: Sequence[Said]) -> Draft:
        """How a conversation would be written, and what would be found. Raises LintuneError."""
        document = self._document(path)
        return await asyncio.to_thread(_drafted, path, str(document.text) if document else None, conversation)

    async def add(self, path: Path, conversation: Sequence[Said]) -> dict[str, Any]:
        """Put it at the end of the file; of one with unsaved changes, at the end of the editor's text.

        Nothing else in the file is touched. Raises LintuneError.
        """
        draft = await self.draft(path, conversation)
        document = self._document(path)
        unsaved = document is not None and await asyncio.to_thread(_is_unsaved, path, str(document.text))
        if document is not None and unsaved:
            await self._insert(document, draft)
        else:
            self._added[path] = await asyncio.to_thread(_append, draft)
            self._session.file_changed(path)
        return {**draft.as_result(), "saved": not unsaved}

    async def take_back(self, path: Path) -> None:
        """Take out what was added last. Raises LintuneError when the file is another meanwhile."""
        added = self._added.pop(real_path(path), None)
        if added is None:
            raise LintuneError(f"Nothing was added to {path.name} that could be taken back.")
        await asyncio.to_thread(_cut_off, real_path(path), added)
        self._session.file_changed(real_path(path))

    async def _insert(self, document: Document, draft: Draft) -> None:
        lines = document.text.lines
        last = len(lines) - 1
        column = self._session.encoding.units(lines[last], len(lines[last]))
        end = types.Position(last, column)
        edit = types.TextEdit(types.Range(end, end), draft.addition)
        applied = await self._session.server.workspace_apply_edit_async(
            types.ApplyWorkspaceEditParams(types.WorkspaceEdit(changes={document.uri: [edit]}), label="Add sample")
        )
        if not applied.applied:
            raise LintuneError(f"The editor did not take the sample into {draft.path.name}. Save the file, then retry.")

    def _document(self, path: Path) -> Document | None:
        return next((one for one in self._session.documents.values() if one.path == path), None)


def _drafted(path: Path, text: str | None, conversation: Sequence[Said]) -> Draft:
    if not conversation or conversation[-1].role != "assistant" or len(conversation) < 2:
        raise LintuneError("A sample needs a question, and an answer of the assistant as its last message.")
    before = _read(path) if text is None else text
    lines = [without_end(line) for line in with_ends(before)]
    context = context_for(path)
    around = surroundings_of(lines, path, context)
    layout = around.layout or around.unmet or LAYOUTS[SampleFormat.CHAT]
    sample = written_sample.sample(conversation, layout)
    written = written_sample.as_line(sample, [line for line in lines if line.strip(BLANK)])
    number = len(lines)
    draft = Draft(path, written, number, (), before)
    found = DatasetLinter(path, context).check(before + draft.addition)
    about = tuple(one for one in found if one.range.start.line == number and not one.whole_file)
    return Draft(path, written, number, about, before)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise LintuneError(f"{path} could not be read ({error.strerror}).") from error
    except UnicodeDecodeError:
        raise LintuneError(f"{path.name} is not UTF-8. Its findings say how to mend it.") from None


def _is_unsaved(path: Path, text: str) -> bool:
    """Editors show no BOM, and may have one line end for all lines."""
    saved, shown = (one.removeprefix(BOM).replace("\r\n", "\n") for one in (_read(path), text))
    return saved != shown


def _append(draft: Draft) -> _Added:
    data = draft.addition.encode()
    try:
        with draft.path.open("ab") as file:
            size = file.tell()
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise LintuneError(f"{draft.path} could not be written ({error.strerror}).") from error
    return _Added(size, data)


def _cut_off(path: Path, added: _Added) -> None:
    try:
        with path.open("r+b") as file:
            file.seek(added.size)
            if file.read() != added.data:
                raise LintuneError(f"{path.name} was changed meanwhile. Take the line out in the editor.")
            file.truncate(added.size)
    except OSError as error:
        raise LintuneError(f"{path} could not be written ({error.strerror}).") from error
