"""textDocument/documentSymbol: a sample a symbol, with its messages or texts below it; in a recipe, its keys."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lsprotocol import types

from lintune_server.language_server.documents import Kind
from lintune_server.language_server.features import visible
from lintune_server.language_server.recipes import structure

if TYPE_CHECKING:
    from lintune_server.language_server.connection import LintuneServer
    from lintune_server.language_server.datasets.outline import Entry
    from lintune_server.language_server.datasets.reader import Reader
    from lintune_server.language_server.documents import Document
    from lintune_server.language_server.recipes.structure import Stretch
    from lintune_server.language_server.text import Encoding

_MOST_SAMPLES = 1_000
"""Editors ask again after each change, and the server writes down a thousand symbols in 8 ms. Nobody reads more."""
_MOST_WITH_PARTS = 300
"""Samples of a file up to which their messages are symbols, too."""


def register(server: LintuneServer) -> None:
    server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)(document_symbols)


async def document_symbols(
    ls: LintuneServer, params: types.DocumentSymbolParams
) -> list[types.DocumentSymbol] | list[types.SymbolInformation] | None:
    document = ls.session.documents.get(params.text_document.uri)
    if document is None:
        return None
    match document.kind:
        case Kind.DATASET:
            symbols = await _samples(ls, document)
        case Kind.RECIPE:
            symbols = await _keys(ls, document)
        case _:
            return None
    return symbols if _knows_trees(ls) else list(_flat(document.uri, symbols))


async def _samples(ls: LintuneServer, document: Document) -> list[types.DocumentSymbol]:
    reader = await ls.session.readers.of(document, asks_again=False)
    if reader is None:
        return []
    _, lines = visible.lines_of(document, None, _MOST_SAMPLES)
    rest = len(document.text.lines) - len(lines)
    found = await asyncio.to_thread(_symbols, reader, lines, ls.session.encoding)
    if rest > 0:
        place = types.Range(types.Position(len(lines), 0), types.Position(len(lines) + rest - 1, 0))
        found.append(types.DocumentSymbol(f"… and {rest:,} more lines", types.SymbolKind.Namespace, place, place))
    return found


def _symbols(reader: Reader, lines: list[str], encoding: Encoding) -> list[types.DocumentSymbol]:
    known = reader.entries if len(lines) <= _MOST_WITH_PARTS else reader.titles
    return [
        _sample(entry, number, line, encoding)
        for number, (entry, line) in enumerate(zip(known.of(lines), lines, strict=True))
        if entry is not None
    ]


def _sample(entry: Entry, number: int, line: str, encoding: Encoding) -> types.DocumentSymbol:
    def symbol(of: Entry, kind: types.SymbolKind) -> types.DocumentSymbol:
        place = types.Range(*(types.Position(number, encoding.units(line, column)) for column in of.span))
        children = [symbol(part, types.SymbolKind.String) for part in of.parts] or None
        return types.DocumentSymbol(of.name, kind, place, place, detail=of.detail, children=children)

    return symbol(entry, types.SymbolKind.Object)


async def _keys(ls: LintuneServer, document: Document) -> list[types.DocumentSymbol]:
    lines, encoding = list(document.text.lines), ls.session.encoding

    def place(stretch: Stretch) -> types.Range:
        return types.Range(*(types.Position(line, encoding.units(lines[line], column)) for line, column in stretch))

    def symbol(of: structure.Entry) -> types.DocumentSymbol:
        kind = types.SymbolKind.Module if of.is_section else types.SymbolKind.Property
        children = [symbol(part) for part in of.parts] or None
        return types.DocumentSymbol(of.name, kind, place(of.whole), place(of.head), detail=of.detail, children=children)

    return [symbol(entry) for entry in await asyncio.to_thread(structure.entries, lines)]


def _knows_trees(ls: LintuneServer) -> bool:
    of_documents = ls.client_capabilities.text_document
    symbols = of_documents.document_symbol if of_documents else None
    return bool(symbols and symbols.hierarchical_document_symbol_support)


def _flat(uri: str, symbols: list[types.DocumentSymbol], within: str | None = None) -> list[types.SymbolInformation]:
    """For clients that know no trees."""
    found: list[types.SymbolInformation] = []
    for symbol in symbols:
        place = types.Location(uri, symbol.range)
        found.append(types.SymbolInformation(place, symbol.name, symbol.kind, container_name=within))
        found += _flat(uri, list(symbol.children or ()), symbol.name)
    return found
