"""textDocument/codeLens: on a recipe Train (or Stop, Pause, Resume) and what that takes, on samples Ask tuned
model, and Edit as Markdown in a client that does."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from lsprotocol import types

from lintune_server.language_server.documents import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.language_server.connection import LintuneServer
    from lintune_server.language_server.documents import Document

_MOST_SAMPLES = 500
"""A client does not say which lines are visible, and tens of thousands of lenses make editors slow."""


def register(server: LintuneServer) -> None:
    server.feature(types.TEXT_DOCUMENT_CODE_LENS, types.CodeLensOptions())(code_lenses)


async def code_lenses(ls: LintuneServer, params: types.CodeLensParams) -> list[types.CodeLens]:
    document = ls.session.documents.get(params.text_document.uri)
    if document is None or document.path is None:
        return []
    match document.kind:
        case Kind.RECIPE if ls.session.trusted:
            return [*_recipe_lenses(ls, document), *await _estimate_lens(ls, document)]
        case Kind.DATASET:
            return _sample_lenses(ls, document) if ls.session.settings.sample_lenses else []
    return []


def _recipe_lenses(ls: LintuneServer, document: Document) -> Iterator[types.CodeLens]:
    training = ls.session.training
    assert document.path is not None
    if training.running == document.path:
        yield _lens(0, types.Command("Stop training", command="lintune.stop", arguments=[]))
        if training.can_pause:
            yield _lens(0, types.Command("Pause training", command="lintune.pause", arguments=[]))
        return
    yield _lens(0, types.Command("Train", command="lintune.train", arguments=[document.uri]))
    if training.is_resumable(document.path):
        yield _lens(0, types.Command("Resume training", command="lintune.resume", arguments=[document.uri]))


async def _estimate_lens(ls: LintuneServer, document: Document) -> list[types.CodeLens]:
    """As far as it is known: when it is, the client is told to ask again."""
    outlook = await ls.session.outlooks.of(document)
    if outlook is None:
        return []
    return [_lens(0, types.Command(outlook.title, command="lintune.estimate", arguments=[document.uri]))]


def _sample_lenses(ls: LintuneServer, document: Document) -> list[types.CodeLens]:
    offered = [("Ask tuned model", "lintune.ask")] if ls.session.trusted else []
    if ls.session.settings.sample_editor:
        offered.append(("Edit as Markdown", "lintune.editSample"))
    filled = (number for number, line in enumerate(document.text.lines) if line.strip())
    return [
        _lens(number, types.Command(title, command=command, arguments=[document.uri, number]))
        for number in islice(filled, _MOST_SAMPLES)
        for title, command in offered
    ]


def _lens(line: int, command: types.Command) -> types.CodeLens:
    start = types.Position(line, 0)
    return types.CodeLens(types.Range(start, start), command=command)
