"""textDocument/inlayHint: the tokens of each sample, and how it came out when the last run was evaluated; before it,
since most lines end far outside the window."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lsprotocol import types

from lintune_schemas.run_evaluation import Mark
from lintune_server.language_server import sample_page
from lintune_server.language_server.documents import Kind
from lintune_server.language_server.features import visible

if TYPE_CHECKING:
    from lintune_schemas.run_evaluation import SampleResult
    from lintune_server.language_server.connection import LintuneServer
    from lintune_server.language_server.datasets.reader import Counts

_MOST_LINES = 1_000
"""Editors ask for what is visible, but Neovim for the whole file. So many take the server 8 ms to write down."""

_SIGNS = {Mark.FIXED: "✓", Mark.STILL_RIGHT: "✓", Mark.BROKEN: "✗", Mark.STILL_WRONG: "✗"}


def register(server: LintuneServer) -> None:
    server.feature(types.TEXT_DOCUMENT_INLAY_HINT)(inlay_hints)


async def inlay_hints(ls: LintuneServer, params: types.InlayHintParams) -> list[types.InlayHint] | None:
    """Without a tokenizer there are none; once it is there, the client is told to ask again."""
    document = ls.session.documents.get(params.text_document.uri)
    if document is None or document.kind is not Kind.DATASET or not ls.session.settings.inlay_hints:
        return None
    reader = await ls.session.readers.of(document, asks_again=ls.session.refreshes("inlay_hint"))
    if reader is None or reader.context.tokenizer is None:
        return []
    first, lines = visible.lines_of(document, params.range, _MOST_LINES)
    if analysis := ls.session.analyses.get(document.uri):
        analysis.look(range(first, first + len(lines)))
    ls.session.prefetch.see(document, range(first, first + len(lines)))
    counted = await asyncio.to_thread(reader.counts.of, lines)
    results = await ls.session.marks.results(reader.context, lines)
    drawn = ls.session.settings.draws_marks
    recipe = reader.context.recipe
    limit = recipe.sequence_len if recipe else None
    return [
        _hint(number, counts, limit, result, drawn)
        for number, (counts, result) in enumerate(zip(counted, results, strict=True), first)
        if counts is not None
    ]


def _hint(number: int, counts: Counts, limit: int | None, result: SampleResult | None, drawn: bool) -> types.InlayHint:
    """drawn: the client has a mark for the result; only the tooltip says why."""
    tokens, learned = counts
    if limit is not None and tokens > limit:
        label = f"⚠ {tokens:,} of {limit:,} tokens, {learned:,} learned"
        tooltip = f"Longer than the recipe's sequence_len of {limit:,}: TK201 says what becomes of it."
    else:
        label = f"{tokens:,} tokens, {learned:,} learned"
        tooltip = "Tokens of this sample with the chat template applied, and those of them that the model learns."
    if result is not None and result.mark is not None:
        label += "" if drawn else f" · {_SIGNS[result.mark]} {result.mark.value}"
        tooltip += f" In the last evaluation: {(sample_page.evaluated(result) or '').replace('**', '')}."
    return types.InlayHint(types.Position(number, 0), label, tooltip=tooltip, padding_right=True)
