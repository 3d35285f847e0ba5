"""textDocument/inlineCompletion: in an answer that is being written, how the tuned model would go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from lintune_server.language_server.documents import Kind

if TYPE_CHECKING:
    from lintune_server.language_server.connection import LintuneServer


def register(server: LintuneServer) -> None:
    server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())(inline_completion)


async def inline_completion(
    ls: LintuneServer, params: types.InlineCompletionParams
) -> list[types.InlineCompletionItem] | None:
    """None unless it is switched on, as `lintune.inlineCompletion.enabled`."""
    document = ls.session.documents.get(params.text_document.uri)
    if document is None or document.kind is not Kind.DATASET or not ls.session.settings.inline_completion:
        return None
    line = document.line(params.position.line)
    if line is None:
        return None
    column = ls.session.encoding.column(line, params.position.character)
    text = await ls.session.inline_answers.at(document, params.position.line, column)
    if not text:
        return None
    return [types.InlineCompletionItem(text, range=types.Range(params.position, params.position))]
