"""textDocument/codeAction: for each finding in the range its fix, and the ways to say that it is fine or to read why
it is not; for each of their rules all safe fixes in the file; and all safe fixes at once.

The edits of many fixes are made when somebody takes the action, where the client can ask for them then.
"""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING

from lsprotocol import types

from lintune_schemas.errors import LintuneError
from lintune_server.language_server.documents import Kind
from lintune_server.language_server.features.explain import EXPLAIN
from lintune_server.language_server.recipe_text import recipe_text_of
from lintune_server.lint import ignoring
from lintune_server.lint.lines import without_end

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lintune_server.language_server.analysis import Report
    from lintune_server.language_server.connection import LintuneServer
    from lintune_server.language_server.documents import Document
    from lintune_server.lint.findings import Edit, Finding

FIX_ALL = "source.fixAll.lintune"

_MOST = 50
"""Findings of a range that are acted on one by one. Nobody reads a longer menu, and a range may be a whole file."""


def register(server: LintuneServer) -> None:
    options = types.CodeActionOptions([types.CodeActionKind.QuickFix, FIX_ALL], resolve_provider=True)
    server.feature(types.TEXT_DOCUMENT_CODE_ACTION, options)(code_actions)
    server.feature(types.CODE_ACTION_RESOLVE)(resolve)


async def code_actions(ls: LintuneServer, params: types.CodeActionParams) -> list[types.CodeAction]:
    uri, only = params.text_document.uri, params.context.only
    analysis, document = ls.session.analyses.get(uri), ls.session.documents.get(uri)
    if document and document.kind is Kind.DATASET:  # many editors ask wherever the cursor goes
        ls.session.prefetch.point(document, params.range.start.line)
    report = await analysis.report() if analysis else None
    if report is None or document is None:
        return []
    actions: list[types.CodeAction] = []
    if _wanted(types.CodeActionKind.QuickFix, only):
        actions += await _Menu(ls, document, report, params.range).actions()
    if _wanted(FIX_ALL, only) and (report.left_out or any(_fixable(report))):
        actions.append(await _of_all(ls, uri, "Fix all that Lintune can fix safely", None, lazy=only is None))
    return actions


async def resolve(ls: LintuneServer, action: types.CodeAction) -> types.CodeAction:
    """The action with its edits, which are those of the text as it is now; without, where there are none (left)."""
    data = action.data if isinstance(action.data, dict) else {}
    uri, code = str(data.get("uri")), data.get("code")
    analysis, document = ls.session.analyses.get(uri), ls.session.documents.get(uri)
    if analysis is None or document is None:
        return action
    version = document.version
    try:
        edits = await analysis.fixes(code)
    except LintuneError as error:
        ls.session.messages.error(str(error))
        return action
    if edits and version == document.version:
        action.edit = _edit(ls, uri, version, document.text.lines, edits)
    return action


async def _of_all(ls: LintuneServer, uri: str, title: str, code: str | None, *, lazy: bool) -> types.CodeAction:
    """All safe fixes of a rule, or of every rule.

    lazy: leave the edits for later. What is asked for by name is about to be taken, and some clients ask only once.
    """
    kind = types.CodeActionKind.QuickFix if code else FIX_ALL
    action = types.CodeAction(title, kind=kind, data={"uri": uri, "code": code})
    return action if lazy and _resolves(ls) else await resolve(ls, action)


class _Menu:
    """What can be done about the findings in a range. Only those are converted to the protocol's terms."""

    def __init__(self, ls: LintuneServer, document: Document, report: Report, range_: types.Range) -> None:
        self._ls = ls
        self._document = document
        self._report = report
        self._converter = ls.session.converter(report.lines)
        near = (finding for finding in report.findings if finding.name and _is_near(finding, range_))
        touched = (finding for finding in near if _touches(self._converter.range(finding.range), range_))
        self._findings = list(islice(touched, _MOST))
        self._first = {finding.code: finding for finding in reversed(self._findings)}
        """Of each rule, in no order."""

    async def actions(self) -> list[types.CodeAction]:
        found = [*self._fixes(), *await self._fixes_of_rules()]
        if self._document.kind is Kind.DATASET:
            found += self._ignored_by_samples()
        return [*found, *await self._ignored_by_recipe(), *self._explained()]

    def _fixes(self) -> Iterator[types.CodeAction]:
        for finding in self._findings:
            if finding.fix is not None:
                title = finding.fix.title if finding.fix.safe else f"{finding.fix.title} (look at the result)"
                action = self._action(title, finding, finding.fix.edits)
                action.is_preferred = finding.fix.safe
                yield action

    async def _fixes_of_rules(self) -> list[types.CodeAction]:
        """Where there are several to fix."""
        found = []
        for finding in self._rules():
            several = list(islice(_fixable(self._report, finding.code), 2))
            if len(several) > 1 or (several and self._report.left_out):
                title = f"Fix all of {finding.code} ({finding.name}) in this file"
                action = await _of_all(self._ls, self._document.uri, title, finding.code, lazy=True)
                action.diagnostics = [self._converter.diagnostic(finding)]
                found.append(action)
        return found

    def _ignored_by_samples(self) -> Iterator[types.CodeAction]:
        of_lines = {(finding.range.start.line, finding.code): finding for finding in reversed(self._findings)}
        for (number, code), finding in sorted(of_lines.items()):
            edit = ignoring.on_sample(finding, without_end(self._report.lines[number]))
            if edit is not None:
                yield self._action(f"Ignore {code} ({finding.name}) on this sample", finding, [edit])

    async def _ignored_by_recipe(self) -> list[types.CodeAction]:
        recipe = await recipe_text_of(self._ls.session, self._document) if self._findings else None
        if recipe is None:
            return []
        found = []
        for finding in self._rules():
            edit = await asyncio.to_thread(ignoring.in_recipe, recipe.text, finding.code)
            if edit is not None:
                action = self._action(f"Ignore {finding.code} ({finding.name}) in {recipe.name}", finding)
                action.edit = _edit(self._ls, recipe.uri, recipe.version, recipe.lines, [edit])
                found.append(action)
        return found

    def _explained(self) -> Iterator[types.CodeAction]:
        for finding in self._rules():
            title = f"Explain {finding.code} ({finding.name})"
            action = self._action(title, finding)
            action.command = types.Command(title, command=EXPLAIN, arguments=[finding.code])
            yield action

    def _rules(self) -> list[Finding]:
        """The first finding of each rule."""
        return sorted(self._first.values(), key=lambda finding: finding.range)

    def _action(self, title: str, finding: Finding, edits: Sequence[Edit] = ()) -> types.CodeAction:
        report, uri = self._report, self._document.uri
        edit = _edit(self._ls, uri, report.version, report.lines, edits) if edits else None
        diagnostics = [self._converter.diagnostic(finding)]
        return types.CodeAction(title, kind=types.CodeActionKind.QuickFix, diagnostics=diagnostics, edit=edit)


def _fixable(report: Report, code: str | None = None) -> Iterator[Finding]:
    """What has a safe fix, of one rule or of all."""
    for finding in report.findings:
        if finding.fix is not None and finding.fix.safe and code in (None, finding.code):
            yield finding


def _edit(
    ls: LintuneServer, uri: str, version: int | None, lines: Sequence[str], edits: Sequence[Edit]
) -> types.WorkspaceEdit:
    """version: of an open document, None for a file. lines: of that text."""
    text_edits = ls.session.converter(lines).edits(edits)
    workspace = ls.client_capabilities.workspace
    if workspace and workspace.workspace_edit and workspace.workspace_edit.document_changes:
        # With its version: a client does not apply it to a text that has moved on.
        document = types.OptionalVersionedTextDocumentIdentifier(uri=uri, version=version)
        return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(text_document=document, edits=text_edits)])
    return types.WorkspaceEdit(changes={uri: text_edits})


def _resolves(ls: LintuneServer) -> bool:
    """Whether the client asks for an action's edits when it is taken."""
    of_documents = ls.client_capabilities.text_document
    actions = of_documents.code_action if of_documents else None
    return bool(
        actions and actions.data_support and actions.resolve_support and "edit" in actions.resolve_support.properties
    )


def _wanted(kind: str, only: Sequence[str] | None) -> bool:
    """Kinds are dotted: a client that asks for `source` gets `source.fixAll.lintune`."""
    return only is None or any(kind == asked or kind.startswith(f"{asked}.") for asked in only)


def _is_near(finding: Finding, range_: types.Range) -> bool:
    """Whether a finding is on the lines of a range: quick to tell of thousands."""
    return finding.range.start.line <= range_.end.line and range_.start.line <= finding.range.end.line


def _touches(one: types.Range, other: types.Range) -> bool:
    """Whether two ranges share a character or an end: a cursor right behind a finding is on it."""
    return _order(one.start) <= _order(other.end) and _order(other.start) <= _order(one.end)


def _order(position: types.Position) -> tuple[int, int]:
    return position.line, position.character
