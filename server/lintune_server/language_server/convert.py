"""Findings and fixes in the protocol's terms: from columns in code points to the client's units."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from lsprotocol import types
from pygls import uris

from lintune_server.lint.findings import Edit, Finding, Position, Range, Related, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lintune_server.language_server.text import Encoding

SOURCE = "lintune"

_SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFO: types.DiagnosticSeverity.Information,
    Severity.HINT: types.DiagnosticSeverity.Hint,
}


def path_of(uri: str) -> Path | None:
    """The local file of a URI, resolved; None for what is no file, as an unsaved document."""
    if urlsplit(uri).scheme != "file":
        return None
    path = uris.to_fs_path(uri)
    return Path(path).resolve() if path else None


def uri_of(path: Path) -> str:
    return path.as_uri()


def name_of(uri: str) -> str:
    """What to call a document in a message."""
    return Path(unquote(urlsplit(uri).path)).name or uri


def _as_json(range_: types.Range) -> dict[str, Any]:
    start, end = range_.start, range_.end
    return {
        "start": {"line": start.line, "character": start.character},
        "end": {"line": end.line, "character": end.character},
    }


class Converter:
    """Converts positions of one text; it keeps the lines as they were when the findings were made."""

    def __init__(self, lines: Sequence[str], encoding: Encoding) -> None:
        self._lines = lines
        self._encoding = encoding

    def position(self, position: Position) -> types.Position:
        if position.line >= len(self._lines):
            last = self._lines[-1]
            return types.Position(len(self._lines) - 1, self._encoding.units(last, len(last)))
        return types.Position(position.line, self._encoding.units(self._lines[position.line], position.column))

    def range(self, range_: Range) -> types.Range:
        return types.Range(self.position(range_.start), self.position(range_.end))

    def diagnostic(self, finding: Finding) -> types.Diagnostic:
        return types.Diagnostic(
            range=self.range(finding.range),
            message=finding.message,
            severity=_SEVERITIES[finding.severity],
            code=finding.code,
            source=SOURCE,
            related_information=[
                types.DiagnosticRelatedInformation(
                    types.Location(uri_of(related.path), self._related_range(related)), related.message
                )
                for related in finding.related
            ]
            or None,
        )

    def as_json(self, finding: Finding) -> dict[str, Any]:
        """A diagnostic as it goes over the wire: thousands of objects take too long to serialize."""
        found: dict[str, Any] = {
            "range": _as_json(self.range(finding.range)),
            "message": finding.message,
            "severity": _SEVERITIES[finding.severity].value,
            "code": finding.code,
            "source": SOURCE,
        }
        if finding.related:
            found["relatedInformation"] = [
                {
                    "location": {"uri": uri_of(other.path), "range": _as_json(self._related_range(other))},
                    "message": other.message,
                }
                for other in finding.related
            ]
        return found

    def _related_range(self, related: Related) -> types.Range:
        if related.columns is None:
            # A whole line: where in it the other place is cannot be told without reading that file.
            return types.Range(types.Position(related.line, 0), types.Position(related.line, 0))
        start, end = related.columns
        return self.range(Range(Position(related.line, start), Position(related.line, end)))

    def edits(self, edits: Iterable[Edit]) -> list[types.TextEdit]:
        return [types.TextEdit(self.range(edit.range), edit.text) for edit in edits]
