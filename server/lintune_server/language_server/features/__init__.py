"""LSP features, one file each. They translate between the protocol and the session, and decide nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.language_server.features import (
    code_actions,
    code_lenses,
    commands,
    completion,
    conversation,
    definition,
    document_links,
    document_symbols,
    explain,
    folding_ranges,
    hover,
    inlay_hints,
    inline_completion,
    large_files,
    lifecycle,
    marks,
    run_answers,
    run_events,
    runs,
    samples,
    selection_ranges,
    semantic_tokens,
    serve,
)

if TYPE_CHECKING:
    from lintune_server.language_server.connection import LintuneServer


def register(server: LintuneServer) -> None:
    """Make the server offer every feature; `pull_diagnostics` is offered to those who want it, by `lifecycle`."""
    for feature in (
        lifecycle,
        code_actions,
        code_lenses,
        commands,
        completion,
        conversation,
        definition,
        document_links,
        document_symbols,
        explain,
        folding_ranges,
        hover,
        inlay_hints,
        inline_completion,
        marks,
        run_answers,
        large_files,
        run_events,
        runs,
        samples,
        selection_ranges,
        semantic_tokens,
        serve,
    ):
        feature.register(server)
