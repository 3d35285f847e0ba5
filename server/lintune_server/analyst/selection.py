"""Which findings an editor is shown of very many."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_server.lint.findings import Finding

MOST_SHOWN = 1_000
"""In one file. Editors draw and list some thousands without delay, and nobody reads more than some."""


def shown(findings: Sequence[Finding]) -> tuple[list[Finding], int]:
    """The most severe ones in the order of the file, those of equal severity from the top; and how many are left."""
    if len(findings) <= MOST_SHOWN:
        return list(findings), 0
    first = sorted(findings, key=lambda finding: -finding.severity)[:MOST_SHOWN]
    return sorted(first, key=lambda finding: finding.range), len(findings) - MOST_SHOWN
