"""The recipe of an open document as its edits see it: the open text where it is open, else the file."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintune_server.language_server import convert
from lintune_server.language_server.documents import Kind
from lintune_server.language_server.text import split

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lintune_server.language_server.documents import Document
    from lintune_server.language_server.session import Session

_LARGEST = 1_000_000
"""Bytes of a recipe that is read for this. A person's has some thousands."""


@dataclass(frozen=True, slots=True)
class RecipeText:
    uri: str
    name: str
    version: int | None
    """None for a file that is not open."""
    text: str
    lines: Sequence[str]


async def recipe_text_of(session: Session, document: Document) -> RecipeText | None:
    """The recipe that a document is judged by, which may be the document itself. None when there is none to edit."""
    if document.kind is Kind.RECIPE:
        return _of_document(document)
    analysis = session.analyses.get(document.uri)
    path = (await analysis.context()).recipe_path if analysis else None
    if path is None:
        return None
    path = await asyncio.to_thread(path.resolve)
    opened = next((one for one in session.documents.values() if one.path == path), None)
    return _of_document(opened) if opened else await asyncio.to_thread(_of_file, path)


def _of_document(document: Document) -> RecipeText:
    lines = tuple(document.text.lines)
    return RecipeText(document.uri, document.lint_path.name, document.version, "".join(lines), lines)


def _of_file(path: Path) -> RecipeText | None:
    try:
        if path.stat().st_size > _LARGEST:
            return None
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return RecipeText(convert.uri_of(path), path.name, None, text, split(text))
