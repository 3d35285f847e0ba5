"""textDocument/definition: from a recipe to the file that it names, from a sample to the recipe that lists its file."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lsprotocol import types

from lintune_schemas import recipe as recipes
from lintune_server.language_server import convert
from lintune_server.language_server.documents import Kind
from lintune_server.language_server.recipes import links
from lintune_server.language_server.text import split

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lintune_server.language_server.connection import LintuneServer
    from lintune_server.language_server.recipes.nodes import Span

_TOP = types.Range(types.Position(0, 0), types.Position(0, 0))


def register(server: LintuneServer) -> None:
    server.feature(types.TEXT_DOCUMENT_DEFINITION)(definition)


async def definition(ls: LintuneServer, params: types.DefinitionParams) -> types.Location | None:
    document = ls.session.documents.get(params.text_document.uri)
    if document is None or document.path is None:
        return None
    match document.kind:
        case Kind.RECIPE:
            lines = list(document.text.lines)
            return await _of_name(ls, lines, document.path.parent, params.position)
        case Kind.DATASET:
            return await _of_sample(ls, document.path)
    return None


async def _of_name(
    ls: LintuneServer, lines: Sequence[str], folder: Path, position: types.Position
) -> types.Location | None:
    if position.line >= len(lines):
        return None
    column = ls.session.encoding.column(lines[position.line], position.character)

    def search() -> Path | None:
        found = links.of_recipe(lines, folder)
        return next((link.file for link in found if link.span.has(position.line, column)), None)

    file = await asyncio.to_thread(search)
    return types.Location(convert.uri_of(file), _TOP) if file and file.is_file() else None


async def _of_sample(ls: LintuneServer, data: Path) -> types.Location | None:
    """Anywhere in a data set: a sample says nothing of where it comes from, but its file belongs to a recipe."""
    recipe = await asyncio.to_thread(recipes.find_for, data)
    if recipe is None:
        return None
    opened = next((one for one in ls.session.documents.values() if one.path == recipe), None)
    lines = list(opened.text.lines) if opened else None

    def search() -> tuple[list[str], Span | None]:
        text = lines if lines is not None else split(recipe.read_text("utf-8", "replace"))
        return text, links.entry_of(text, recipe.parent, data)

    try:
        text, span = await asyncio.to_thread(search)
    except OSError:
        return None
    return types.Location(convert.uri_of(recipe), ls.session.converter(text).range(span.range) if span else _TOP)
