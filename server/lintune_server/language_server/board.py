"""The findings of a document as they are shown: those of its last analysis, moved along with the text that is edited
since, and those of the lines that were checked by themselves in the meantime."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lintune_server.analyst.selection import MOST_SHOWN, shown
from lintune_server.lint.line_check import moved

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lintune_server.language_server.text import Change
    from lintune_server.lint.findings import Finding

_MOST_FRESH = 1_000
"""Lines."""
_MOST_IN_SIGHT = 200
"""Lines: more than a window shows."""


@dataclass(frozen=True, slots=True)
class _Fresh:
    """What was found on a line by itself, of a text of that revision."""

    revision: int
    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True)
class _Noted:
    """What a training said of a sample, and its line as it is now."""

    finding: Finding
    text: str

    def after(self, change: Change) -> _Noted | None:
        """Where it is after a change; None when its line is gone."""
        line, text = self.finding.range.start.line, self.text
        now = change.now(line)
        if now is None:  # made way, for itself below others perhaps, or for what was typed into it
            same = [number for number, new in enumerate(change.lines) if new == text]
            index = same[0] if same else line - change.first
            if index >= change.added:
                return None
            now, text = change.first + index, change.lines[index]
        return _Noted(moved(self.finding, now - line), text)


class Board:
    """Revisions are numbers that grow with every change of the text. Changed on the event loop only."""

    def __init__(self) -> None:
        self.left_out = 0
        """Findings that the last analysis had beyond those that are shown."""
        self.revision = -1
        """That of the last analysis; -1 when there was none."""
        self.edition = 0
        """Counts everything that happened."""
        self._settled: list[Finding] = []
        self._fresh: dict[int, _Fresh] = {}
        self._changes: list[tuple[int, Change]] = []
        """Since the last analysis that was begun."""
        self._noted: list[_Noted] = []

    def note(self, findings: Sequence[Finding], lines: Sequence[str]) -> None:
        """What a training said of samples of the text as it is now, in the place of what was noted before.

        It is about what was trained: it stays on its line, whatever is typed there.
        """
        self.edition += 1
        self._noted = [
            _Noted(one, lines[one.range.start.line]) for one in findings if one.range.start.line < len(lines)
        ]

    @property
    def noted(self) -> list[Finding]:
        """What a training said, where it is now."""
        return [one.finding for one in self._noted]

    def edited(self, change: Change, revision: int) -> None:
        """Lines changed: what was found on them is gone, what is below them moves."""
        self.edition += 1
        self._changes.append((revision, change))
        self._settled = _follow(self._settled, change)
        self._noted = [kept for one in self._noted if (kept := one.after(change)) is not None]
        moved_ = ((change.now(line), fresh) for line, fresh in self._fresh.items())
        self._fresh = {line: fresh for line, fresh in moved_ if line is not None}

    def checked(self, found: Mapping[int, Sequence[Finding]], revision: int) -> None:
        """Lines were checked by themselves; their findings are those of a line 0.

        Where there are more findings than are shown, those of lines that somebody looked at stay among them.
        """
        self.edition += 1
        for line, findings in found.items():
            self._fresh.pop(line, None)  # so that it becomes the last one
            self._fresh[line] = _Fresh(revision, findings)
        for line in list(self._fresh)[:-_MOST_FRESH]:
            del self._fresh[line]

    def settle(self, findings: Sequence[Finding], left_out: int, revision: int) -> None:
        """The whole text was analysed as it was in a revision, which may not be the last one."""
        self.edition += 1
        self._changes = [(later, change) for later, change in self._changes if later > revision]
        if not left_out:
            self._fresh = {line: fresh for line, fresh in self._fresh.items() if fresh.revision > revision}
        self._settled = list(findings)
        for _, change in self._changes:
            self._settled = _follow(self._settled, change)
        self.left_out, self.revision = left_out, revision

    @property
    def fresh(self) -> set[int]:
        """The lines of which what was found by themselves is shown."""
        return set(self._fresh)

    @property
    def last_looked_at(self) -> set[int]:
        """Of these lines, those that somebody looked at last."""
        return set(list(self._fresh)[-_MOST_IN_SIGHT:])

    def shown(self) -> list[Finding]:
        """In the order of the file."""
        found = self._found()
        return sorted([*found, *self.noted], key=lambda finding: finding.range) if self._noted else found

    def _found(self) -> list[Finding]:
        if not self._fresh:
            return self._settled
        newer = {line for line, fresh in self._fresh.items() if fresh.revision > self.revision}
        others = [one for one in self._settled if one.whole_file or one.range.start.line not in newer]
        known = set(others) if len(newer) < len(self._fresh) else set()
        fresh = [moved(one, line) for line, fresh in self._fresh.items() for one in fresh.findings]
        new = [one for one in fresh if one not in known]
        # What is in sight takes the place of what is not.
        others, _ = shown(others, MOST_SHOWN - len(new) - len(self._noted)) if self.left_out else (others, 0)
        return sorted([*others, *new], key=lambda finding: finding.range)


def _follow(findings: list[Finding], change: Change) -> list[Finding]:
    """What is left of them, and where it is now. What is about the file as a whole stays until that is looked at."""
    return [kept for one in findings if (kept := _kept(one, change)) is not None]


def _kept(finding: Finding, change: Change) -> Finding | None:
    """The finding, without a fix that is about lines that changed."""
    line = finding.range.start.line
    if finding.whole_file:
        return finding if finding.fix is None else replace(finding, fix=None)
    now = change.now(line)
    if now is None:
        return None
    if finding.fix is not None:
        ranges = [edit.range for edit in finding.fix.edits]
        if line < change.first:
            stands = all(range_.end.line < change.first for range_ in ranges)
        else:
            stands = all(range_.start.line >= change.first + change.removed for range_ in ranges)
        if not stands:
            finding = replace(finding, fix=None)
    return finding if now == line else _moved(finding, now - line)


def _moved(finding: Finding, lines: int) -> Finding:
    """The finding as many lines further down, but for what it says of other lines."""
    line = finding.range.start.line
    related = tuple(
        replace(other, line=other.line + lines) if other.line == line and other.columns else other
        for other in finding.related
    )
    return replace(moved(replace(finding, related=()), lines), related=related)
