"""textDocument/semanticTokens: special tokens inside of contents, which the model reads as control."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lsprotocol import types

from lintune_server.language_server.documents import Kind
from lintune_server.language_server.features import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lintune_server.language_server.connection import LintuneServer
    from lintune_server.language_server.documents import Document
    from lintune_server.language_server.text import Encoding

_MOST_LINES = 5_000
"""For clients that know no ranges and ask for the whole file after each change."""

_LEGEND = types.SemanticTokensLegend([types.SemanticTokenTypes.Keyword], [])


def register(server: LintuneServer) -> None:
    # pygls takes the legend from the feature that is registered first, and offers what is registered.
    server.feature(types.TEXT_DOCUMENT_SEMANTIC_TOKENS_RANGE, _LEGEND)(in_range)
    server.feature(types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, _LEGEND)(full)


async def in_range(ls: LintuneServer, params: types.SemanticTokensRangeParams) -> types.SemanticTokens | None:
    return await _tokens(ls, params.text_document.uri, params.range)


async def full(ls: LintuneServer, params: types.SemanticTokensParams) -> types.SemanticTokens | None:
    return await _tokens(ls, params.text_document.uri, None)


async def _tokens(ls: LintuneServer, uri: str, range_: types.Range | None) -> types.SemanticTokens | None:
    document = ls.session.documents.get(uri)
    if document is None or document.kind is not Kind.DATASET:
        return None
    return types.SemanticTokens(await _in_samples(ls, document, range_))


async def _in_samples(ls: LintuneServer, document: Document, range_: types.Range | None) -> list[int]:
    reader = await ls.session.readers.of(document, asks_again=ls.session.refreshes("semantic_tokens"))
    if reader is None:
        return []
    first, lines = visible.lines_of(document, range_, _MOST_LINES)
    found = await asyncio.to_thread(reader.special_tokens.of, lines)
    return list(_encoded(first, lines, found, ls.session.encoding))


def _encoded(
    first: int, lines: Sequence[str], found: Iterable[Sequence[tuple[int, int]]], encoding: Encoding
) -> Iterable[int]:
    """Five numbers a token, as the protocol has it: lines and columns count from the token before."""
    line_before, column_before = 0, 0
    for number, spans in enumerate(found, first):
        line = lines[number - first]
        for start, end in spans:
            at, beyond = encoding.units(line, start), encoding.units(line, end)
            yield from (number - line_before, at - (column_before if number == line_before else 0), beyond - at, 0, 0)
            line_before, column_before = number, at
