"""textDocument/completion: keys and values of a recipe and of samples."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lsprotocol import types

from lintune_server.language_server.datasets import completion as samples
from lintune_server.language_server.documents import Kind
from lintune_server.language_server.recipes.candidate import Sort

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lintune_server.language_server.connection import LintuneServer
    from lintune_server.language_server.documents import Document
    from lintune_server.language_server.recipes.candidate import Candidate
    from lintune_server.language_server.recipes.cursor import Cursor

_TRIGGERS = (" ", ":", "-", "[", "{", ",", "/", '"', "'")
"""Beside letters: what a value, an item or the next part of a path begins behind."""

_MOST = 150
"""Candidates in an answer. The editor asks again while one types, and gets those that are meant then."""

_KINDS = {
    Sort.KEY: types.CompletionItemKind.Property,
    Sort.SECTION: types.CompletionItemKind.Module,
    Sort.CHOICE: types.CompletionItemKind.EnumMember,
    Sort.NUMBER: types.CompletionItemKind.Value,
    Sort.FILE: types.CompletionItemKind.File,
    Sort.FOLDER: types.CompletionItemKind.Folder,
    Sort.MODEL: types.CompletionItemKind.Class,
    Sort.MODULE: types.CompletionItemKind.Field,
    Sort.RULE: types.CompletionItemKind.Constant,
}


def register(server: LintuneServer) -> None:
    options = types.CompletionOptions(trigger_characters=_TRIGGERS)
    server.feature(types.TEXT_DOCUMENT_COMPLETION, options)(completion)


async def completion(ls: LintuneServer, params: types.CompletionParams) -> types.CompletionList | None:
    document = ls.session.documents.get(params.text_document.uri)
    if document is None:
        return None
    match document.kind:
        case Kind.RECIPE:
            return await _in_recipe(ls, document, params.position)
        case Kind.DATASET:
            return await _in_sample(ls, document, params.position)
    return None


async def _in_recipe(ls: LintuneServer, document: Document, position: types.Position) -> types.CompletionList | None:
    number, encoding = position.line, ls.session.encoding
    line = document.line(number)
    if line is None:
        return None
    column = encoding.column(line, position.character)
    folder = document.path.parent if document.path else None
    found = await asyncio.to_thread(_candidates, list(document.text.lines), number, column, folder)
    if found is None:
        return None
    cursor, candidates = found
    return _listed(ls, candidates, number, line, (cursor.start, cursor.end))


def _candidates(
    lines: Sequence[str], line: int, column: int, folder: Path | None
) -> tuple[Cursor, list[Candidate]] | None:
    from lintune_server.language_server.recipes.completion import complete  # a start without it is quicker

    return complete(lines, line, column, folder)


async def _in_sample(ls: LintuneServer, document: Document, position: types.Position) -> types.CompletionList | None:
    line = document.line(position.line)
    reader = await ls.session.readers.of(document)
    if line is None or reader is None:
        return None
    column = ls.session.encoding.column(line, position.character)
    found = await asyncio.to_thread(samples.complete, reader, line, column)
    return _listed(ls, found[1], position.line, line, found[0]) if found else None


def _listed(
    ls: LintuneServer, candidates: Sequence[Candidate], number: int, line: str, columns: tuple[int, int]
) -> types.CompletionList:
    """columns: of the line, what a candidate takes the place of."""
    start, end = (types.Position(number, ls.session.encoding.units(line, column)) for column in columns)
    replaced = types.Range(start, end)
    snippets = _knows_snippets(ls)
    items = [_item(one, order, replaced, snippets) for order, one in enumerate(candidates[:_MOST])]
    return types.CompletionList(is_incomplete=len(candidates) > _MOST, items=items)


def _item(one: Candidate, order: int, replaced: types.Range, snippets: bool) -> types.CompletionItem:
    text = one.inserted
    snippet = snippets and one.stop is not None
    if snippet:
        text = f"{_escaped(text[: one.stop])}$0{_escaped(text[one.stop :])}"
    return types.CompletionItem(
        one.label,
        kind=_KINDS[one.sort],
        detail=one.detail or None,
        documentation=types.MarkupContent(types.MarkupKind.Markdown, one.page) if one.page else None,
        tags=[types.CompletionItemTag.Deprecated] if one.deprecated else None,
        preselect=one.preselected or None,
        sort_text=f"{order:04}",
        filter_text=one.label,
        insert_text_format=types.InsertTextFormat.Snippet if snippet else types.InsertTextFormat.PlainText,
        insert_text_mode=types.InsertTextMode.AsIs,
        text_edit=types.TextEdit(replaced, text),
    )


def _escaped(text: str) -> str:
    """A text as it stands in a snippet."""
    return text.replace("\\", "\\\\").replace("$", "\\$").replace("}", "\\}")


def _knows_snippets(ls: LintuneServer) -> bool:
    of_documents = ls.client_capabilities.text_document
    completion = of_documents.completion if of_documents else None
    return bool(completion and completion.completion_item and completion.completion_item.snippet_support)
