"""Samples as Markdown: opened from the editor's text or from disk, written back into their line, wherever it is now."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from lintune_schemas.errors import LintuneError
from lintune_schemas.layouts import LOOKED_AT
from lintune_server.language_server import convert, sample_look
from lintune_server.language_server.datasets.reader import Reader
from lintune_server.language_server.documents import Kind
from lintune_server.lint.context import context_for
from lintune_server.lint.lines import BLANK, BOM, LINE_END, without_end
from lintune_server.sample_text import data_file, opening
from lintune_server.sample_text.data_file import LineChangedError, LinesOnDisk
from lintune_server.sample_text.document import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lintune_server.language_server.documents import Document
    from lintune_server.language_server.session import Session
    from lintune_server.sample_text.data_file import Lines


class _OpenLines:
    """The lines of an open document, as they were when it was asked."""

    def __init__(self, document: Document) -> None:
        self._lines = list(document.text.lines)

    def __len__(self) -> int:
        return len(self._lines)

    def text(self, number: int) -> str:
        return without_end(self._lines[number])

    def end(self, number: int) -> str:
        line = self._lines[number]
        return line[len(without_end(line)) :]


@dataclass(frozen=True, slots=True)
class Known:
    """What a client knows of the sample that it means: the digests of its line, and of those before and behind it."""

    digest: str | None = None
    before: str | None = None
    behind: str | None = None


@dataclass(frozen=True, slots=True)
class _Source:
    """A data set: its lines, and what they are read by."""

    lines: Lines
    reader: Reader
    document: Document | None
    path: Path | None

    @property
    def on_disk(self) -> LinesOnDisk | None:
        return self.lines if isinstance(self.lines, LinesOnDisk) else None


class SampleEditing:
    """Answers for all clients. What a document means is asked of `sample_text`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def open(
        self, uri: str, line: int, step: int, known: Known, *, unsaved: bool | None, guard_ends: bool
    ) -> dict[str, Any] | None:
        """The sample on a line as a document; with a step the next one (1) or the one before (-1).

        known: the sample that is meant, wherever its line is now. None when there is no such line, or that sample is
        gone. Raises LintuneError.
        """
        source = await self._source(uri, unsaved)
        return await asyncio.to_thread(_opened, source, line, step, known, guard_ends)

    async def look(
        self, uri: str, line: int | None, digest: str | None, markdown: str, unsaved: bool | None
    ) -> dict[str, Any]:
        """What there is to say of an edited document: what keeps it from being read, findings, tokens.

        line: None for a new sample. Raises LintuneError.
        """
        source = await self._source(uri, unsaved)
        encoding = self._session.encoding
        return await asyncio.to_thread(
            _looked, source, line, digest, markdown, lambda lines: convert.Converter(lines, encoding)
        )

    async def write(self, uri: str, line: int, digest: str, markdown: str, unsaved: bool | None) -> dict[str, Any]:
        """Write an edited document into its line. Raises LintuneError; what else may come of it, the result says."""
        source = await self._source(uri, unsaved)
        try:
            number = await asyncio.to_thread(data_file.find, source.lines, line, digest)
            before = source.lines.text(number)
            after = await asyncio.to_thread(_edited, source, before, markdown)
        except LineChangedError as error:
            return {"state": "conflict", "message": str(error)}
        except UnreadableError as error:
            return {"state": "unreadable", "line": error.line, "message": str(error)}
        result = {"state": "saved", "line": number, "digest": data_file.digest_of(after)}
        if after == before:
            return result
        if source.on_disk is None:
            place = types.Position(number, 0)
            end = types.Position(number, self._session.encoding.units(before, len(before)))
            bom = BOM if before.startswith(BOM) else ""
            await self._edit(source, types.TextEdit(types.Range(place, end), bom + after.removeprefix(BOM)))
            return {**result, "state": "buffered"}
        try:
            await asyncio.to_thread(data_file.replace, source.on_disk, number, after)
        except LineChangedError as error:
            return {"state": "conflict", "message": str(error)}
        self._session.file_changed(source.on_disk.path)
        return result

    async def new(self, uri: str, unsaved: bool | None) -> dict[str, Any]:
        """A sample to fill in, which looks like the others. Raises LintuneError."""
        source = await self._source(uri, unsaved)
        layout = source.reader.layout
        if layout is None:
            layout = opening.USUAL_LAYOUT
        samples = await asyncio.to_thread(lambda: list(opening.samples_of(source.reader.head)))
        return {
            "markdown": opening.template(layout, samples),
            "reason": await asyncio.to_thread(_why_read_only, source),
        }

    async def write_new(self, uri: str, markdown: str, unsaved: bool | None) -> dict[str, Any]:
        """Put a new sample at the end of a data set. As `write`."""
        source = await self._source(uri, unsaved)
        try:
            text = await asyncio.to_thread(_new_line, source, markdown)
        except UnreadableError as error:
            return {"state": "unreadable", "line": error.line, "message": str(error)}
        what = data_file.insertion(source.lines, text)
        result = {"state": "saved", "line": what.number, "digest": data_file.digest_of(text)}
        if source.on_disk is None:
            line = source.lines.text(what.line)
            column = self._session.encoding.units(line, len(line)) if what.at_end else 0
            place = types.Position(what.line, column)
            await self._edit(source, types.TextEdit(types.Range(place, place), what.text))
            return {**result, "state": "buffered"}
        try:
            await asyncio.to_thread(data_file.insert, source.on_disk, what)
        except LineChangedError as error:
            return {"state": "conflict", "message": str(error)}
        self._session.file_changed(source.on_disk.path)
        return result

    async def _source(self, uri: str, unsaved: bool | None) -> _Source:
        """Of a document without unsaved changes the file itself, so that all its bytes stay.

        unsaved: whether there are any, from a client that knows.
        """
        document, path = self._session.documents.get(uri), convert.path_of(uri)
        if document is not None and document.kind is not Kind.DATASET:
            document = None
        if document is not None and path is not None:
            if unsaved is None:
                unsaved = await asyncio.to_thread(_is_unsaved, str(document.text), path)
            document = document if unsaved else None
        if document is not None:
            # Not before its recipe is known, which may say what its keys are.
            reader = await self._session.readers.of(document, asks_again=False)
            if reader is not None:
                return _Source(_OpenLines(document), reader, document, document.path)
        if path is None:
            raise LintuneError(f"{convert.name_of(uri)} is not open, and it is no file.")
        return await asyncio.to_thread(_source_on_disk, path)

    async def _edit(self, source: _Source, edit: types.TextEdit) -> None:
        """Change the text in the editor, where it was not saved. Raises LintuneError."""
        document = source.document
        assert document is not None
        workspace = self._session.server.client_capabilities.workspace
        if not workspace or not workspace.apply_edit:
            raise LintuneError(f"{document.lint_path.name} has unsaved changes. Save it first.")
        versioned = types.OptionalVersionedTextDocumentIdentifier(uri=document.uri, version=document.version)
        changes = types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(versioned, [edit])])
        answer = await self._session.server.workspace_apply_edit_async(
            types.ApplyWorkspaceEditParams(changes, "Edit sample")
        )
        if not answer.applied:
            raise LintuneError(f"{document.lint_path.name} changed meanwhile. Nothing was written: try again.")


def _source_on_disk(path: Path) -> _Source:
    try:
        lines = LinesOnDisk(path)
    except OSError as error:
        raise LintuneError(f"{path} could not be read: {error.strerror or error}.") from error
    head = [lines.text(number) for number in range(min(LOOKED_AT, len(lines)))]
    return _Source(lines, Reader(lines.path, context_for(lines.path), head), None, lines.path)


def _is_unsaved(text: str, path: Path) -> bool:
    """Whether an editor's text is another than the file's, but for what editors change of any file that they open."""
    try:
        data = path.read_bytes()
    except OSError:
        return True
    return _plain(data.decode("utf-8", "replace")) != _plain(text.encode("utf-8", "replace").decode())


def _plain(text: str) -> str:
    return LINE_END.sub("\n", text.removeprefix(BOM))


def _opened(source: _Source, line: int, step: int, known: Known, guard_ends: bool) -> dict[str, Any] | None:
    lines = source.lines
    found = _place(lines, line, known)
    number = _next(lines, min(found, len(lines)), step) if step and found is not None else found
    if number is None or not 0 <= number < len(lines):
        return None
    text = lines.text(number)
    opened = opening.open_line(text, source.reader.layout, number=number, guard_ends=guard_ends)
    return {
        "line": number,
        "digest": data_file.digest_of(text),
        "around": data_file.around(lines, number),
        "markdown": opened.markdown,
        "reason": opened.reason or _why_read_only(source),
        "modified": _modified(source),
    }


def _place(lines: Lines, line: int, known: Known) -> int | None:
    """Where a sample is now. When it changed, the client sees that by the digest. None when it is gone."""
    if known.digest is None:
        return line
    try:
        return data_file.find(lines, line, known.digest)
    except LineChangedError:
        return data_file.find_place(lines, line, known.before, known.behind)


def _next(lines: Lines, line: int, step: int) -> int | None:
    """The next line that is not blank."""
    number = line + step
    while 0 <= number < len(lines):
        if lines.text(number).strip(BLANK):
            return number
        number += step
    return None


def _why_read_only(source: _Source) -> str | None:
    try:
        return data_file.read_only(source.path) if source.path else None
    except OSError:
        return None


def _modified(source: _Source) -> int:
    """Milliseconds since 1970; 0 for a document that is no file."""
    try:
        return source.path.stat().st_mtime_ns // 1_000_000 if source.path else 0
    except OSError:
        return 0


def _edited(source: _Source, before: str, markdown: str) -> str:
    usual = opening.usual_style(source.reader.head)
    try:
        return opening.edited(before, source.reader.layout, markdown, usual)
    except UnreadableError:
        raise
    except ValueError as error:
        raise LintuneError(f"It cannot be edited: {error}.") from error


def _new_line(source: _Source, markdown: str) -> str:
    head: Sequence[str] = source.reader.head
    layout = source.reader.layout or opening.USUAL_LAYOUT
    like = next(opening.samples_of(head), None)
    return opening.new_line(layout, markdown, opening.usual_style(head), like)


def _looked(source: _Source, line: int | None, digest: str | None, markdown: str, converter: Any) -> dict[str, Any]:
    number = line
    try:
        if line is None or digest is None:
            text = _new_line(source, markdown)
        else:
            try:
                number = data_file.find(source.lines, line, digest)
                before = source.lines.text(number)
            except LineChangedError:
                before = "{}"
            text = _edited(source, before, markdown)
    except UnreadableError as error:
        return sample_look.unreadable(error, markdown, converter)
    return {"line": number, **sample_look.look(source.reader, text, markdown, converter, source.path)}
