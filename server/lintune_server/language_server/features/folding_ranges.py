"""textDocument/foldingRange: parts of a data set, sections of a recipe."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lsprotocol import types

from lintune_server.language_server.datasets import folds
from lintune_server.language_server.documents import Kind
from lintune_server.language_server.features import visible
from lintune_server.language_server.recipes import structure

if TYPE_CHECKING:
    from lintune_server.language_server.connection import LintuneServer
    from lintune_server.language_server.datasets.folds import Fold
    from lintune_server.language_server.datasets.reader import Reader
    from lintune_server.language_server.documents import Document

_MOST_LINES = 10_000
"""Editors ask again after each change, and fold nothing of what is further down before a person has scrolled there."""
_MOST_FOLDS = 2_000


def register(server: LintuneServer) -> None:
    server.feature(types.TEXT_DOCUMENT_FOLDING_RANGE)(folding_ranges)


async def folding_ranges(ls: LintuneServer, params: types.FoldingRangeParams) -> list[types.FoldingRange] | None:
    document = ls.session.documents.get(params.text_document.uri)
    if document is None:
        return None
    match document.kind:
        case Kind.DATASET:
            return await _in_samples(ls, document)
        case Kind.RECIPE:
            found = await asyncio.to_thread(structure.folds, list(document.text.lines))
            return [types.FoldingRange(first, last, kind=types.FoldingRangeKind.Region) for first, last in found]
    return None


async def _in_samples(ls: LintuneServer, document: Document) -> list[types.FoldingRange]:
    reader = await ls.session.readers.of(document, asks_again=False)
    if reader is None:
        return []
    _, lines = visible.lines_of(document, None, _MOST_LINES)
    found = await asyncio.to_thread(_folds, reader, lines)
    return [
        types.FoldingRange(fold.first, fold.last, kind=types.FoldingRangeKind.Region, collapsed_text=fold.title or None)
        for fold in found
    ]


def _folds(reader: Reader, lines: list[str]) -> list[Fold]:
    found = folds.brackets(lines) if folds.is_pretty_printed(lines) else folds.runs(reader.headings.of(lines))
    return sorted(found)[:_MOST_FOLDS]
