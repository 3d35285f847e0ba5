"""The lines of a file as reports may show them: reports are read by more people than data sets are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lintune_server.lint.checking import Checked

_SECRET = "QL404"  # noqa: S105 (the code of the rule about them)
_LEGIBLE = 4
"""Characters of a secret that are shown; of a short one a quarter."""


class MaskedLines:
    """A file's lines with dots for the secrets and the personal data that were found in them."""

    def __init__(self, file: Checked) -> None:
        self._lines = file.lines
        self._spans: dict[int, list[tuple[int, int]]] = {}
        for finding in file.findings:
            if finding.code == _SECRET:
                span = finding.range.start.column, finding.range.end.column
                self._spans.setdefault(finding.range.start.line, []).append(span)

    def text(self, number: int) -> str:
        """As long as the line itself."""
        line = self._lines.text(number)
        for start, end in self._spans.get(number, ()):
            legible = start + min(_LEGIBLE, (end - start) // 4)
            line = f"{line[:legible]}{'•' * (end - legible)}{line[end:]}"
        return line
