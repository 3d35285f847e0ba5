"""What changed between two versions of a data set: samples, labels, findings."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from lintune_server.lint import baseline, statistics
from lintune_server.lint.comparing import changed_fields, compare
from lintune_server.lint.label_set import answer_label, closed_labels

if TYPE_CHECKING:
    from pathlib import Path as FilePath

    from lintune_schemas.samples import Path
    from lintune_server.lint.checking import Checked
    from lintune_server.lint.comparing import Comparison
    from lintune_server.lint.findings import Finding
    from lintune_server.lint.scanning import Scan
    from lintune_server.lint.statistics import Spread


class Edit(NamedTuple):
    old_line: int
    new_line: int
    fields: tuple[Path, ...]
    """What of the sample is another."""
    old_tokens: int
    """0 where they were not counted."""
    new_tokens: int


@dataclass(frozen=True)
class DataSetDiff:
    """Both versions, judged as the new one is. Lines are 0-based."""

    old_path: FilePath
    old: Checked
    new_path: FilePath
    new: Checked

    @property
    def scans(self) -> tuple[Scan, Scan]:
        assert self.old.scan is not None
        assert self.new.scan is not None
        return self.old.scan, self.new.scan

    @cached_property
    def comparison(self) -> Comparison:
        old, new = self.scans
        return compare(old.data, new.data)

    @cached_property
    def edits(self) -> list[Edit]:
        """In the order of the new version."""
        old, new = self.scans
        return [
            Edit(
                old.data.lines[pair.old],
                new.data.lines[pair.new],
                tuple(changed_fields(old.data.line(pair.old).sample, new.data.line(pair.new).sample)),
                old.part.tokens[pair.old],
                new.part.tokens[pair.new],
            )
            for pair in self.comparison.edited
        ]

    @property
    def counted(self) -> bool:
        """Whether the tokens of both are known."""
        return all(scan.context.tokenizer is not None for scan in self.scans)

    def tokens(self) -> tuple[Spread | None, Spread | None]:
        """Of the samples without errors of format, in the old and the new version."""
        old, new = (statistics.spread([count for count in scan.part.tokens if count]) for scan in self.scans)
        return old, new

    def trained_tokens(self) -> tuple[int, int]:
        old, new = (sum(scan.part.trained_tokens) for scan in self.scans)
        return old, new

    @cached_property
    def labels(self) -> dict[str, tuple[int, int]] | None:
        """How often each answer is given, in both; None unless the answers of one of them are a closed set."""
        counts = []
        closed = False
        for scan in self.scans:
            each = [answer_label.of(scan.data.line(index)) for index in range(len(scan.data))]
            closed = closed or closed_labels(each) is not None
            counts.append(Counter(label for label in each if label is not None))
        if not closed:
            return None
        old, new = counts
        return {label: (old[label], new[label]) for label in sorted(old | new)}

    @cached_property
    def new_findings(self) -> list[Finding]:
        """What is found in the new version and was not in the old one, in the order of the new one."""
        return self._without(self.new, self._new_keys, self._old_keys)

    @cached_property
    def gone_findings(self) -> list[Finding]:
        return self._without(self.old, self._old_keys, self._new_keys)

    @cached_property
    def _new_keys(self) -> list[tuple[str, str]]:
        return [(finding.code, self._sample_of(finding, self.new, None)) for finding in self.new.findings]

    @cached_property
    def _old_keys(self) -> list[tuple[str, str]]:
        became = {pair.old: pair.new for pair in (*self.comparison.same, *self.comparison.edited)}
        return [(finding.code, self._sample_of(finding, self.old, became)) for finding in self.old.findings]

    @staticmethod
    def _without(checked: Checked, keys: list[tuple[str, str]], others: list[tuple[str, str]]) -> list[Finding]:
        left = Counter(others)
        found = []
        for finding, key in zip(checked.findings, keys, strict=True):
            if left[key] > 0:
                left[key] -= 1
            else:
                found.append(finding)
        return found

    @staticmethod
    def _sample_of(finding: Finding, checked: Checked, became: dict[int, int] | None) -> str:
        """What the finding's sample is known by in both versions: its index in the new one, or its content.

        became: of the old version, the index in the new one by that in the old one.
        """
        assert checked.scan is not None
        lines = checked.scan.data.lines
        line = finding.range.start.line
        index = bisect_left(lines, line)
        if finding.whole_file or index == len(lines) or lines[index] != line:
            return baseline.identity(finding, checked.lines.text)
        return str(index if became is None else became.get(index, f"old {index}"))
