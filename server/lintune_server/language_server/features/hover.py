"""textDocument/hover on a sample, and on the keys and values of a recipe."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lsprotocol import types

from lintune_server.language_server.documents import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lintune_server.language_server.connection import LintuneServer
    from lintune_server.language_server.documents import Document
    from lintune_server.language_server.recipes.nodes import Span
    from lintune_server.language_server.recipes.outlook import Outlook


def register(server: LintuneServer) -> None:
    server.feature(types.TEXT_DOCUMENT_HOVER)(hover)


async def hover(ls: LintuneServer, params: types.HoverParams) -> types.Hover | None:
    document = ls.session.documents.get(params.text_document.uri)
    if document is None:
        return None
    match document.kind:
        case Kind.DATASET:
            return await _on_sample(ls, document, params.position.line)
        case Kind.RECIPE:
            return await _in_recipe(ls, document, params.position)
    return None


async def _on_sample(ls: LintuneServer, document: Document, number: int) -> types.Hover | None:
    line = document.line(number)
    page = await ls.session.questions.hover(document, number)
    ls.session.prefetch.point(document, number)  # afterwards: the hover may want what is being asked ahead
    if page is None or line is None:
        return None
    return _hover(ls, page, number, line, 0, len(line))


async def _in_recipe(ls: LintuneServer, document: Document, position: types.Position) -> types.Hover | None:
    line = document.line(position.line)
    if line is None:
        return None
    column = ls.session.encoding.column(line, position.character)
    folder = document.path.parent if document.path else None
    outlook = await ls.session.outlooks.of(document)
    lines = list(document.text.lines)
    found = await asyncio.to_thread(_page_at, lines, position.line, column, folder, outlook)
    return _hover(ls, found[1], position.line, line, found[0].start, found[0].end) if found else None


def _page_at(
    lines: Sequence[str], line: int, column: int, folder: Path | None, outlook: Outlook | None
) -> tuple[Span, str] | None:
    from lintune_server.language_server.recipes import hovers  # a start without it is quicker

    return hovers.at(lines, line, column, folder, outlook)


def _hover(ls: LintuneServer, page: str, number: int, line: str, start: int, end: int) -> types.Hover:
    """start, end: the columns of what the page is about."""
    first, last = (types.Position(number, ls.session.encoding.units(line, column)) for column in (start, end))
    return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, page), types.Range(first, last))
