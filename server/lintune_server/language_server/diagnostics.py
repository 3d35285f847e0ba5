"""Telling the client what is found: pushed as soon as it is known, or when a client asks for it itself (pulls)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from lintune_server.language_server.progress import WorkDone
from lintune_server.lint.findings import Finding, Position, Range, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from lintune_server.language_server.analysis import Report
    from lintune_server.language_server.documents import Document
    from lintune_server.language_server.session import Session


class Diagnostics:
    """What of it each document's reader has been told."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._pushed: dict[str, list[dict[str, Any]]] = {}
        """By URI, what was pushed last."""
        self._pulled: set[str] = set()
        """Documents that the client asks for itself: what is pushed, too, would be shown twice."""
        self._reading: dict[str, WorkDone] = {}

    def changed(self, document: Document) -> None:
        """There is something new to show."""
        analysis = self._session.analyses.get(document.uri)
        if analysis is None or analysis.document is not document:
            return
        if analysis.settled and (reading := self._reading.pop(document.uri, None)):
            reading.end("")
        if document.uri in self._pulled:
            if analysis.settled:
                self.refresh()
            return
        self._push(document.uri, self.plain(document), document.version)

    def plain(self, document: Document) -> list[dict[str, Any]]:
        """An open document's diagnostics as they go over the wire."""
        board = self._session.analyses[document.uri].board
        convert = self._session.converter(document.text.lines).as_json
        shown = board.shown()
        if board.left_out:
            # VS Code draws the first 500 that it is told of (`MarkerDecorationsService`): those in sight.
            first = board.last_looked_at
            shown = sorted(shown, key=lambda one: one.range.start.line not in first)
        return [convert(one) for one in told(shown, board.left_out, document.lint_path)]

    def of_report(self, document: Document, report: Report) -> list[types.Diagnostic]:
        """A report's diagnostics."""
        convert = self._session.converter(report.lines).diagnostic
        return [convert(one) for one in told(report.findings, report.left_out, document.lint_path)]

    def pulled(self, uri: str) -> None:
        """The client asks for a document's diagnostics itself: from now on it does."""
        self._pulled.add(uri)
        if self._pushed.pop(uri, None):
            self._notify(uri, [], None)

    def closed(self, uri: str) -> None:
        self._pulled.discard(uri)
        if reading := self._reading.pop(uri, None):
            reading.end("")
        self._pushed.pop(uri, None)
        self._notify(uri, [], None)

    def of_unopened(self, uri: str, found: list[types.Diagnostic]) -> None:
        """Push what is found in a file that no editor opens."""
        self._session.server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, found))

    def refresh(self) -> None:
        """Make the client ask again, if it can be made to."""
        if self._session.refreshes("diagnostics"):
            self._session.server.workspace_diagnostic_refresh(None)

    def progress(self, document: Document, done: int, size: int) -> None:
        """Of a large document so many bytes are read, for the first time. size: 0 when nobody reads it any more."""
        if document.uri not in self._session.analyses:
            return
        reading = self._reading.get(document.uri)
        if not size:
            if reading is not None:
                self._reading.pop(document.uri).end("")
            return
        if reading is None:
            if done == size:
                return
            title = f"Checking {document.lint_path.name}"
            reading = self._reading[document.uri] = WorkDone(self._session.server, title, None)
            self._session.start(reading.create())
        reading.report(f"{done / 1e6:.0f} of {size / 1e6:.0f} MB", 100 * done // size)

    def _push(self, uri: str, found: list[dict[str, Any]], version: int | None) -> None:
        if self._pushed.get(uri) != found:
            self._pushed[uri] = found
            self._notify(uri, found, version)

    def _notify(self, uri: str, found: list[dict[str, Any]], version: int | None) -> None:
        params = {"uri": uri, "diagnostics": found} | ({} if version is None else {"version": version})
        self._session.server.protocol.notify_plainly(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS, params)


def told(findings: Sequence[Finding], left_out: int, path: Path) -> Sequence[Finding]:
    """The findings, and what says that they are not all."""
    if not left_out:
        return findings
    message = (
        f"{left_out:,} more findings are not shown here. The command line lists them all: lintune check {path.name}"
    )
    start = Position(0, 0)
    return [*findings, Finding("", "", Severity.INFO, message, Range(start, start), whole_file=True)]
