"""textDocument/hover on a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from lintune_server.language_server.documents import Kind

if TYPE_CHECKING:
    from lintune_server.language_server.connection import LintuneServer


def register(server: LintuneServer) -> None:
    server.feature(types.TEXT_DOCUMENT_HOVER)(hover)


async def hover(ls: LintuneServer, params: types.HoverParams) -> types.Hover | None:
    document = ls.session.documents.get(params.text_document.uri)
    if document is None or document.kind is not Kind.DATASET:
        return None
    number = params.position.line
    line = document.line(number)
    page = await ls.session.questions.hover(document, number)
    if page is None or line is None:
        return None
    whole_line = types.Range(
        types.Position(number, 0), types.Position(number, ls.session.encoding.units(line, len(line)))
    )
    return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, page), whole_line)
