"""Which findings an editor is shown of very many."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_server.lint.findings import Finding

MOST_SHOWN = 999
"""In one file. Nobody reads more, and VS Code shows no more than 1,000: there is room for the note that these are not
all (`DiagnosticCollection`, which drops what is least severe)."""


def shown(findings: Sequence[Finding], most: int = MOST_SHOWN) -> tuple[list[Finding], int]:
    """The most severe ones in the order of the file, those of equal severity from the top; and how many are left."""
    if len(findings) <= most:
        return list(findings), 0
    first = sorted(findings, key=lambda finding: -finding.severity)[: max(most, 0)]
    return sorted(first, key=lambda finding: finding.range), len(findings) - len(first)
