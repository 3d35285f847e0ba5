"""Checking lines one by one: what the rules of single lines find, and the facts that are kept for the other rules."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from lintune_schemas.chat import MeasuredChat
from lintune_server.lint import placing, sample
from lintune_server.lint.findings import Finding, Position, Range, Related, Severity
from lintune_server.lint.sample import Line
from lintune_server.rules import FACTS, FREE_STAGE, GATED_STAGES, MEASURED_STAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence, Set
    from pathlib import Path

    from lintune_server.lint.problems import Elsewhere, Problem
    from lintune_server.lint.rule import LineRule, Rule
    from lintune_server.lint.sample import Surroundings

    Asked = Callable[[tuple[str, ...]], Set[int]]


_MANY = 1_000
"""Lines for which it pays to load numpy, which finds facts of many at once."""
_SOME = 50
"""Lines for which it pays to ask it when it is there."""


class CheckedLine(NamedTuple):
    """What is remembered of a line. Its findings are those of a line 0."""

    findings: tuple[Finding, ...]
    facts: tuple[Any, ...] | None
    """In the order of `FACTS`; None when the line holds no sample."""
    ignored: tuple[str, ...]
    """Rule codes that the sample's author accepts."""
    unused: tuple[str, ...]
    """Those of them that matched nothing on the line itself."""
    tokens: int
    trained_tokens: int


class LineChecker:
    """Checks lines by themselves. What it says depends on nothing but a line and the surroundings."""

    def __init__(self, path: Path, surroundings: Surroundings) -> None:
        self._path = path
        self._surroundings = surroundings

    def check(self, texts: Sequence[str], asked: Asked | None = None) -> list[CheckedLine]:
        """Check lines that are not blank.

        asked: the indices of the lines that rules with these needles have to be asked about; without it, it is all.
        """
        lines = [Line(text, self._surroundings) for text in texts]
        found: dict[int, list[tuple[Rule, Problem]]] = {}
        sound: Sequence[int] = range(len(lines))
        for stage in GATED_STAGES:
            # A rule may rely on what the stages before it have seen: tokens are counted of sound samples only.
            _ask(stage, lines, sound, asked, found)
            wrong = {index for index, problems in found.items() if any(_is_error(*problem) for problem in problems)}
            sound = [index for index in sound if index not in wrong] if wrong else sound
        sample.measure([lines[index] for index in sound])
        _ask(MEASURED_STAGE, lines, sound, asked, found)
        readable = [index for index, line in enumerate(lines) if line.layout is not None]
        _ask(FREE_STAGE, lines, readable, asked, found)
        facts = iter(_facts([line for line in lines if line.sample is not None]))
        return [
            self._checked(line, found.get(index, ()), next(facts) if line.sample is not None else None)
            for index, line in enumerate(lines)
        ]

    def prepare(self) -> None:
        """Load what many lines need."""
        if self._surroundings.tokenizer is not None:
            self._surroundings.tokenizer.prepare()
        for fact in FACTS:
            if fact.prepare:
                fact.prepare()

    def too_long(self, beginning: str, length: int) -> CheckedLine:
        """What is said of a line that is too long to be read. length: in bytes."""
        line = Line(beginning, self._surroundings, length)
        return self._checked(line, [(rule, problem) for rule in GATED_STAGES[0] for problem in rule.check(line)], None)

    def _checked(
        self, line: Line, problems: Sequence[tuple[Rule, Problem]], facts: tuple[Any, ...] | None
    ) -> CheckedLine:
        ignored = line.ignored
        findings = tuple(
            [
                finding_of(rule, problem, placing.on_line(problem.spot, line), line, self._path)
                for rule, problem in problems
                if rule.code not in ignored
            ]
        )
        measured = line.__dict__.get("_measured")
        tokens, trained = measured[1:] if isinstance(measured, MeasuredChat) else (0, 0)
        if not ignored:
            return CheckedLine(findings, facts, (), (), tokens, trained)
        matched = {rule.code for rule, _ in problems}
        unused = tuple([code for code in ignored if code not in matched])
        return CheckedLine(findings, facts, ignored, unused, tokens, trained)


def _ask(
    rules: Iterable[LineRule],
    lines: Sequence[Line],
    indices: Sequence[int],
    asked: Asked | None,
    found: dict[int, list[tuple[Rule, Problem]]],
) -> None:
    for rule in rules:
        check = rule.check
        some = indices
        if asked is not None and rule.needles:
            wanted = asked(rule.needles)
            some = [index for index in indices if index in wanted] if wanted else ()
        for index in some:
            for problem in check(lines[index]):
                found.setdefault(index, []).append((rule, problem))


def _facts(lines: Sequence[Line]) -> Iterable[tuple[Any, ...]]:
    """For each line all facts, in the order of `FACTS`."""
    at_once = len(lines) >= (_SOME if "numpy" in sys.modules else _MANY)
    columns = [fact.many(lines) if fact.many and at_once else [fact.of(line) for line in lines] for fact in FACTS]
    return zip(*columns, strict=True)


def _is_error(rule: Rule, problem: Problem) -> bool:
    return (rule.severity if problem.severity is None else problem.severity) is Severity.ERROR


def finding_of(rule: Rule, problem: Problem, range_: Range, line: Line, path: Path) -> Finding:
    """A problem, placed. Its fix is one that stays within the line."""
    return Finding(
        rule.code,
        rule.name,
        rule.severity if problem.severity is None else problem.severity,
        problem.message,
        range_,
        placing.fix_on_line(problem.remedy, line),
        tuple(_related(other, range_, line, path) for other in problem.elsewhere),
    )


def _related(other: Elsewhere, range_: Range, line: Line, path: Path) -> Related:
    if other.line is not None:
        return Related(other.path or path, other.line, other.message)
    place = placing.on_line(other.spot, line)
    return Related(path, range_.start.line, other.message, (place.start.column, place.end.column))


def moved(finding: Finding, lines: int) -> Finding:
    """The finding as many lines further down."""
    if lines == 0:
        return finding
    fix = finding.fix
    if fix is not None:
        fix = replace(fix, edits=tuple(replace(edit, range=_moved_range(edit.range, lines)) for edit in fix.edits))
    # What a single line's finding is about besides is on the same line.
    related = tuple(replace(other, line=other.line + lines) for other in finding.related)
    return replace(finding, range=_moved_range(finding.range, lines), fix=fix, related=related)


def _moved_range(range_: Range, lines: int) -> Range:
    return Range(
        Position(range_.start.line + lines, range_.start.column),
        Position(range_.end.line + lines, range_.end.column),
    )
