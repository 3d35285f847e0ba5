"""What a run of `lintune check` found, in numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lintune_server.lint.checking import Checked
    from lintune_server.lint.findings import Severity


@dataclass(slots=True)
class OfRule:
    """Of one rule at one severity."""

    name: str
    count: int = 0
    safe: int = 0
    """How many have a fix that loses nothing."""
    unsafe: int = 0
    """How many have one that may."""


@dataclass(slots=True)
class Tally:
    severities: Counter[Severity] = field(default_factory=Counter)
    rules: dict[tuple[Severity, str], OfRule] = field(default_factory=dict)
    files: int = 0
    files_with_findings: int = 0
    samples: int = 0
    tokens: int | None = None
    """None when no file's tokens were counted."""
    quiet: int = 0
    """Findings that are in a baseline."""
    fixed: int = 0

    def add(self, file: Checked) -> None:
        self.files += 1
        self.files_with_findings += bool(file.findings)
        self.quiet += file.sieve.quiet
        if file.totals:
            self.samples += file.totals.samples
            if file.totals.tokens is not None:
                self.tokens = (self.tokens or 0) + file.totals.tokens
        for finding in file.findings:
            self.severities[finding.severity] += 1
            rule = self.rules.setdefault((finding.severity, finding.code), OfRule(finding.name))
            rule.count += 1
            if finding.fix:
                rule.safe += finding.fix.safe
                rule.unsafe += not finding.fix.safe

    def at_least(self, severity: Severity) -> bool:
        """Whether anything as severe was found."""
        return any(found >= severity for found in self.severities)

    @property
    def safe(self) -> int:
        return sum(rule.safe for rule in self.rules.values())

    @property
    def unsafe(self) -> int:
        return sum(rule.unsafe for rule in self.rules.values())
