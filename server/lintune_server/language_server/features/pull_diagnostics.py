"""textDocument/diagnostic and workspace/diagnostic: for clients that ask for what is found instead of being told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from lintune_schemas.errors import LintuneError
from lintune_server.language_server import convert
from lintune_server.language_server.documents import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lintune_server.language_server.connection import LintuneServer

_Full = types.FullDocumentDiagnosticReport
_Unchanged = types.UnchangedDocumentDiagnosticReport


def register(server: LintuneServer) -> None:
    options = types.DiagnosticOptions(
        inter_file_dependencies=True, workspace_diagnostics=True, identifier=convert.SOURCE
    )
    server.feature(types.TEXT_DOCUMENT_DIAGNOSTIC, options)(document_diagnostic)
    server.feature(types.WORKSPACE_DIAGNOSTIC)(workspace_diagnostic)


async def document_diagnostic(
    ls: LintuneServer, params: types.DocumentDiagnosticParams
) -> types.RelatedFullDocumentDiagnosticReport | types.RelatedUnchangedDocumentDiagnosticReport:
    """Of a document that is not open, nothing: what is on disk is the workspace's."""
    uri = params.text_document.uri
    ls.session.diagnostics.pulled(uri)
    report = await _of_open(ls, uri, params.previous_result_id)
    related = None
    if _wants_related(ls):
        related = {other: await _of_open(ls, other, None) for other in _others(ls, uri)} or None
    if isinstance(report, _Unchanged):
        return types.RelatedUnchangedDocumentDiagnosticReport(report.result_id, related)
    return types.RelatedFullDocumentDiagnosticReport(report.items, related, result_id=report.result_id)


async def workspace_diagnostic(
    ls: LintuneServer, params: types.WorkspaceDiagnosticParams
) -> types.WorkspaceDiagnosticReport:
    """Every recipe of the workspace and its data sets: open ones as they are in the editor, others as on disk."""
    previous = {one.uri: one.value for one in params.previous_result_ids}
    items: list[types.WorkspaceFullDocumentDiagnosticReport | types.WorkspaceUnchangedDocumentDiagnosticReport] = []
    for path in sorted(ls.session.workspace.files):
        uri = convert.uri_of(path)
        document = ls.session.documents.get(uri)
        if document is not None:
            report, version = await _of_open(ls, uri, previous.get(uri)), document.version
        else:
            report, version = await _of_closed(ls, path, previous.get(uri)), None
        if isinstance(report, _Unchanged):
            items.append(types.WorkspaceUnchangedDocumentDiagnosticReport(uri, report.result_id, version))
        else:
            items.append(
                types.WorkspaceFullDocumentDiagnosticReport(uri, report.items, version, result_id=report.result_id)
            )
    return types.WorkspaceDiagnosticReport(items)


async def _of_open(ls: LintuneServer, uri: str, previous: str | None) -> _Full | _Unchanged:
    analysis = ls.session.analyses.get(uri)
    if analysis is None:
        return _Full([])
    # Who can be asked to ask again is not kept waiting: at a keystroke for what was found on that line alone.
    whole = not ls.session.refreshes("diagnostics") or analysis.board.revision < 0
    report = await analysis.report(whole=whole)
    if previous == report.id:
        return _Unchanged(report.id)
    return _Full(ls.session.diagnostics.of_report(analysis.document, report), result_id=report.id)


async def _of_closed(ls: LintuneServer, path: Path, previous: str | None) -> _Full | _Unchanged:
    unopened = ls.session.unopened
    known = await unopened.state(path)
    if previous is not None and previous == known:
        return _Unchanged(previous)
    try:
        return _Full(await unopened.diagnostics(path), result_id=known)
    except LintuneError as error:
        ls.session.messages.log(str(error))
        return _Full([])


def _others(ls: LintuneServer, uri: str) -> Iterator[str]:
    """The other open data sets of the document's recipes, in which the same leaks are."""
    document = ls.session.documents.get(uri)
    if document is None or document.path is None or document.kind is not Kind.DATASET:
        return
    for path in sorted(ls.session.workspace.beside(document.path)):
        other = convert.uri_of(path)
        if other != uri and other in ls.session.documents:
            yield other


def _wants_related(ls: LintuneServer) -> bool:
    documents = ls.client_capabilities.text_document
    return bool(documents and documents.diagnostic and documents.diagnostic.related_document_support)
