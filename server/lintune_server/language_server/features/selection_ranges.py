"""textDocument/selectionRange: from what stands at the cursor outwards, step by step."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lsprotocol import types

from lintune_server.language_server.datasets import selections
from lintune_server.language_server.documents import Kind
from lintune_server.language_server.recipes import structure

if TYPE_CHECKING:
    from lintune_server.language_server.connection import LintuneServer
    from lintune_server.language_server.documents import Document


def register(server: LintuneServer) -> None:
    server.feature(types.TEXT_DOCUMENT_SELECTION_RANGE)(selection_ranges)


async def selection_ranges(ls: LintuneServer, params: types.SelectionRangeParams) -> list[types.SelectionRange] | None:
    document = ls.session.documents.get(params.text_document.uri)
    if document is None:
        return None
    match document.kind:
        case Kind.DATASET:
            return [await _in_samples(ls, document, position) for position in params.positions]
        case Kind.RECIPE:
            return [await _in_recipe(ls, document, position) for position in params.positions]
    return None


async def _in_samples(ls: LintuneServer, document: Document, position: types.Position) -> types.SelectionRange:
    """What is around a position on its line; at a position outside the text, nothing but that."""
    line, encoding = document.line(position.line), ls.session.encoding
    found = types.SelectionRange(types.Range(position, position))
    if line is None:
        return found
    spans = await asyncio.to_thread(selections.spans_at, line, encoding.column(line, position.character))
    for depth, span in enumerate(spans):
        start, end = (types.Position(position.line, encoding.units(line, column)) for column in span)
        found = types.SelectionRange(types.Range(start, end), found if depth else None)
    return found


async def _in_recipe(ls: LintuneServer, document: Document, position: types.Position) -> types.SelectionRange:
    """What is around a position, over as many lines as it has."""
    lines, encoding = list(document.text.lines), ls.session.encoding
    found = types.SelectionRange(types.Range(position, position))
    if position.line >= len(lines):
        return found
    column = encoding.column(lines[position.line], position.character)
    stretches = await asyncio.to_thread(structure.around, lines, position.line, column)
    for depth, stretch in enumerate(reversed(stretches)):
        start, end = (types.Position(line, encoding.units(lines[line], column)) for line, column in stretch)
        found = types.SelectionRange(types.Range(start, end), found if depth else None)
    return found
