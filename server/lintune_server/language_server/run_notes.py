"""What a training says of single samples (their loss was no number, it jumped there), as findings on their lines.

They are kept until the next training of the recipe begins. Of an open document its board has them, which moves them
along with the text; of others they are here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas.events import RunFailed, Warned
from lintune_schemas.recipe import real_path
from lintune_server.language_server import convert
from lintune_server.lint.findings import Finding, Position, Range, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lintune_schemas.events import Event
    from lintune_server.language_server.documents import Document
    from lintune_server.language_server.session import Session

CODE = "training"
"""Of these findings. They have no name: they are no rule's, which could be explained or ignored."""


class RunNotes:
    """Belongs to the event loop."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._noted: dict[Path, list[Finding]] = {}
        self._files_of: dict[Path, set[Path]] = {}
        """By recipe, the files that its last training said something of."""

    def begin(self, recipe: Path) -> None:
        """A training begins: what the one before said does not count any more."""
        for file in self._files_of.pop(recipe, set()):
            self._noted.pop(file, None)
            self._show(file)

    def event(self, recipe: Path, event: Event) -> None:
        """A training says something, which may be about samples."""
        if not isinstance(event, Warned | RunFailed):
            return
        severity = Severity.ERROR if isinstance(event, RunFailed) else Severity.WARNING
        found: dict[Path, list[Finding]] = {}
        for sample in event.samples:
            start = Position(max(sample.line - 1, 0), 0)
            finding = Finding(CODE, "", severity, event.message, Range(start, Position(start.line, 1)))
            found.setdefault(real_path(recipe.parent / sample.path), []).append(finding)
        self._files_of.setdefault(recipe, set()).update(found)
        for file, findings in found.items():
            analysis = self._session.analyses.get(convert.uri_of(file))
            known = self._noted.get(file, []) if analysis is None else analysis.board.noted
            self._noted[file] = [*known, *findings]
            self._show(file)

    def of(self, file: Path) -> Sequence[Finding]:
        """What was said of a file that is not open."""
        return self._noted.get(file, ())

    def opened(self, document: Document) -> None:
        """Its board has them from now on."""
        if document.path in self._noted:
            board = self._session.analyses[document.uri].board
            board.note(self._noted[document.path], document.text.lines)

    def closed(self, document: Document) -> None:
        """Before its board goes."""
        if document.path in self._noted:
            self._noted[document.path] = self._session.analyses[document.uri].board.noted

    def _show(self, file: Path) -> None:
        document = self._session.documents.get(convert.uri_of(file))
        if document is None:
            self._session.unopened.noted(file)
            return
        self._session.analyses[document.uri].board.note(self._noted.get(file, []), document.text.lines)
        self._session.diagnostics.changed(document)
