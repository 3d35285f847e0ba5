"""The first findings of each rule: of tens of thousands nobody reads more."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_server.lint.findings import Finding


def first_of_each(findings: Sequence[Finding], limit: int) -> tuple[Sequence[Finding], Counter[str]]:
    """At most `limit` findings a rule (0: all), in their order; and how many of each code were left out."""
    if not limit:
        return findings, Counter()
    seen: Counter[str] = Counter()
    shown = []
    for finding in findings:
        seen[finding.code] += 1
        if seen[finding.code] <= limit:
            shown.append(finding)
    return shown, Counter({code: count - limit for code, count in seen.items() if count > limit})


def left_out(codes: Counter[str]) -> str:
    """`and 4,312 more DU303, 12 more QL408`."""
    said = ", ".join(f"{count:,} more {code}" for code, count in sorted(codes.items()))
    return f"and {said} (--max-findings 0 lists them all)"
