"""Comparing what was planted with what was found."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.planted.codes import ERROR
from benchmarks.planted.layout import ANYWHERE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from benchmarks.planted.checking import Finding
    from benchmarks.planted.layout import Folder, Plant

_GUIDANCE = 1000
"""Below so many samples DS501 is right about any training file; an error below ten."""
_HARDLY_ANY = 10

Place = tuple["Path", int]


@dataclass
class Score:
    """Of one rule. A finding is true, false, or (neither) also there without any defect."""

    planted: int = 0
    found: int = 0
    other_severity: int = 0
    true: int = 0
    false: int = 0
    true_errors: int = 0
    false_errors: int = 0
    on_clean: int = 0

    @property
    def recall(self) -> float | None:
        return self.found / self.planted if self.planted else None

    @property
    def precision(self) -> float | None:
        return _share(self.true, self.false)

    @property
    def error_precision(self) -> float | None:
        return _share(self.true_errors, self.false_errors)


@dataclass
class Verdict:
    scores: dict[str, Score]
    misses: list[tuple[Folder, Plant]] = field(default_factory=list)
    false: list[tuple[Finding, str]] = field(default_factory=list)
    """With why: a place without that defect, or clean data."""
    echoed: list[tuple[Folder, Plant]] = field(default_factory=list)
    """Secrets that a message shows whole."""


class Judge:
    """Knows what is true where.

    planted, twins: where the folders lie with their defects, and the same without. clean: folders that never had any.
    """

    def __init__(
        self, folders: Sequence[Folder], clean: Sequence[Folder], planted: Path, twins: Path, codes: Iterable[str]
    ):
        self._folders, self._clean, self._planted, self._twins = folders, clean, planted, twins
        self._codes = list(codes)
        self._true: dict[Place, set[str]] = defaultdict(set)
        self._lines: dict[Path, list[bytes]] = {}
        for folder in (*folders, *clean):
            for root in (planted, twins):
                self._learn(folder, root)

    def _learn(self, folder: Folder, root: Path) -> None:
        home, with_defects = root / folder.name, root == self._planted
        recipe = (home / "recipe.yaml", ANYWHERE)
        for file in folder.files:
            path = home / file.name
            data = file.data if with_defects else file.twin
            if data is None:
                continue
            self._lines[path] = data.split(b"\n")
            self._true[path, ANYWHERE] |= folder.also
            if file.training and data.count(b"\n") < _GUIDANCE:
                self._true[path, 1].add("DS501")
                self._true[recipe].add("DS501")
        self._true[recipe] |= folder.also
        for plant in folder.plants if with_defects else ():
            for file_name, line in ((plant.file, plant.line), *plant.partners):
                self._true[home / file_name, line] |= plant.true_codes
            self._true[recipe] |= plant.true_codes
            if plant.file == "recipe.yaml":  # shown there, or on the first line of a file
                for file in folder.files:
                    self._true[home / file.name, 1] |= plant.true_codes

    def judge(self, findings: Sequence[Finding]) -> Verdict:
        verdict = Verdict({code: Score() for code in self._codes})
        twin = self._without_defects(findings)
        by_place: dict[Place, list[Finding]] = defaultdict(list)
        for finding in findings:
            by_place[finding.path, finding.line].append(finding)
            by_place[finding.path, ANYWHERE].append(finding)
            if finding.code in verdict.scores:
                self._weigh(finding, twin, verdict)
        for folder in self._folders:
            for plant in folder.plants:
                self._look_for(folder, plant, by_place, verdict)
        return verdict

    def _without_defects(self, findings: Sequence[Finding]) -> Counter[tuple[str, str, bytes]]:
        """Findings in the twins: folder's name, code, text of the line."""
        return Counter(
            (finding.path.parent.name, finding.code, self.excerpt(finding))
            for finding in findings
            if self._twins in finding.path.parents
        )

    def excerpt(self, finding: Finding) -> bytes:
        lines = self._lines.get(finding.path, [])
        return lines[finding.line - 1] if 0 < finding.line <= len(lines) else b""

    def _weigh(self, finding: Finding, twin: Counter[tuple[str, str, bytes]], verdict: Verdict) -> None:
        score, error = verdict.scores[finding.code], finding.severity == ERROR
        home = finding.path.parent.name
        clean = any(folder.name == home for folder in self._clean)
        if self._is_true(finding):
            if not clean and self._planted in finding.path.parents:
                score.true += 1
                score.true_errors += error
            return
        if clean:
            score.on_clean += 1
            why = "on clean data" if error else ""
        elif self._twins in finding.path.parents:
            why = "on a file without its defects" if error else ""
        else:
            why = "" if twin[home, finding.code, self.excerpt(finding)] else "no such defect there"
        if why:
            score.false += 1
            score.false_errors += error
            verdict.false.append((finding, why))

    def _is_true(self, finding: Finding) -> bool:
        right = (
            finding.code in self._true[finding.path, finding.line] or finding.code in self._true[finding.path, ANYWHERE]
        )
        if right and finding.code == "DS501" and finding.severity == ERROR:
            lines = self._lines.get(finding.path)
            return lines is None or len(lines) <= _HARDLY_ANY or finding.code in self._true[finding.path, ANYWHERE]
        return right

    def _look_for(self, folder: Folder, plant: Plant, by_place: dict[Place, list[Finding]], verdict: Verdict) -> None:
        if plant.code not in verdict.scores:
            return
        home = self._planted / folder.name
        places = [(home / plant.file, plant.line)]
        if plant.file == "recipe.yaml":
            places += [(home / file.name, 1) for file in folder.files]
        here = [finding for place in places for finding in by_place[place]]
        found = [finding for finding in here if finding.code in plant.finders]
        score = verdict.scores[plant.code]
        score.planted += 1
        score.found += bool(found)
        if not found:
            verdict.misses.append((folder, plant))
        elif all(finding.severity != plant.severity for finding in found if finding.code == plant.code):
            score.other_severity += any(finding.code == plant.code for finding in found)
        secret = plant.defect.secret
        if secret and any(secret in finding.message for finding in here):
            verdict.echoed.append((folder, plant))


def _share(true: int, false: int) -> float | None:
    return true / (true + false) if true + false else None
