"""textDocument/codeAction: the fix of each finding in the range, and all safe fixes of the file at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from lintune_server.lint import fixing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lintune_server.language_server.analysis import Report
    from lintune_server.language_server.connection import LintuneServer
    from lintune_server.lint.findings import Edit

FIX_ALL = "source.fixAll.lintune"


def register(server: LintuneServer) -> None:
    server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix, FIX_ALL]),
    )(code_actions)


async def code_actions(ls: LintuneServer, params: types.CodeActionParams) -> list[types.CodeAction]:
    uri = params.text_document.uri
    analysis = ls.session.analyses.get(uri)
    report = await analysis.report() if analysis else None
    if report is None:
        return []
    actions: list[types.CodeAction] = []
    if _wanted(types.CodeActionKind.QuickFix, params.context.only):
        actions += _quick_fixes(ls, uri, report, params.range)
    if _wanted(FIX_ALL, params.context.only):
        actions += _fix_all(ls, uri, report)
    return actions


def _quick_fixes(ls: LintuneServer, uri: str, report: Report, range_: types.Range) -> Iterable[types.CodeAction]:
    converter = ls.session.converter(report.lines)
    for finding in report.findings:
        if finding.fix is None or not _touches(converter.range(finding.range), range_):
            continue
        yield types.CodeAction(
            finding.fix.title if finding.fix.safe else f"{finding.fix.title} (look at the result)",
            kind=types.CodeActionKind.QuickFix,
            diagnostics=[converter.diagnostic(finding)],
            is_preferred=finding.fix.safe,
            edit=_edit(ls, uri, report, finding.fix.edits),
        )


def _fix_all(ls: LintuneServer, uri: str, report: Report) -> Iterable[types.CodeAction]:
    edits = fixing.safe_edits(report.findings)
    if edits:
        yield types.CodeAction("Fix all that Lintune can fix safely", kind=FIX_ALL, edit=_edit(ls, uri, report, edits))


def _edit(ls: LintuneServer, uri: str, report: Report, edits: Sequence[Edit]) -> types.WorkspaceEdit:
    text_edits = ls.session.converter(report.lines).edits(edits)
    workspace = ls.client_capabilities.workspace
    if workspace and workspace.workspace_edit and workspace.workspace_edit.document_changes:
        # With its version: a client does not apply it to a text that has moved on.
        document = types.OptionalVersionedTextDocumentIdentifier(uri=uri, version=report.version)
        return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(text_document=document, edits=text_edits)])
    return types.WorkspaceEdit(changes={uri: text_edits})


def _wanted(kind: str, only: Sequence[str] | None) -> bool:
    """Kinds are dotted: a client that asks for `source` gets `source.fixAll.lintune`."""
    return only is None or any(kind == asked or kind.startswith(f"{asked}.") for asked in only)


def _touches(one: types.Range, other: types.Range) -> bool:
    """Whether two ranges share a character or an end: a cursor right behind a finding is on it."""
    return _order(one.start) <= _order(other.end) and _order(other.start) <= _order(one.end)


def _order(position: types.Position) -> tuple[int, int]:
    return position.line, position.character
