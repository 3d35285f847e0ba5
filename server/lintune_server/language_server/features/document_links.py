"""textDocument/documentLink: from a recipe to its data sets and its base model."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lsprotocol import types

from lintune_server.language_server import convert
from lintune_server.language_server.documents import Kind
from lintune_server.language_server.recipes import links

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lintune_server.language_server.connection import LintuneServer
    from lintune_server.language_server.recipes.links import Link


def register(server: LintuneServer) -> None:
    server.feature(types.TEXT_DOCUMENT_DOCUMENT_LINK, types.DocumentLinkOptions())(document_links)


async def document_links(ls: LintuneServer, params: types.DocumentLinkParams) -> list[types.DocumentLink] | None:
    document = ls.session.documents.get(params.text_document.uri)
    if document is None or document.path is None or document.kind is not Kind.RECIPE:
        return None
    lines = list(document.text.lines)
    found = await asyncio.to_thread(_links, lines, document.path.parent)
    converter = ls.session.converter(lines)
    return [
        types.DocumentLink(
            converter.range(link.span.range), target=convert.uri_of(link.file) if link.file else link.page
        )
        for link in found
    ]


def _links(lines: Sequence[str], folder: Path) -> list[Link]:
    return list(links.of_recipe(lines, folder))
