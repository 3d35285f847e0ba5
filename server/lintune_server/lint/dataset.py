"""Checking a data set: every line by itself, remembered as long as its text stays the same; then all together."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import orjson

from lintune_schemas import samples
from lintune_server.lint import placing
from lintune_server.lint.findings import Finding, Position, Range, Related, Severity
from lintune_server.lint.lines import LINE_END
from lintune_server.lint.rule import Entry
from lintune_server.lint.sample import Line, Surroundings
from lintune_server.lint.selection import Selection
from lintune_server.rules import FILE_RULES, LINE_STAGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lintune_schemas.chat import TokenizedChat
    from lintune_schemas.samples import SampleFormat, Turn
    from lintune_server.lint.context import Context
    from lintune_server.lint.problems import Problem
    from lintune_server.lint.rule import Rule


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts of what was checked. tokens, trained_tokens: None without a tokenizer."""

    format: SampleFormat | None
    samples: int
    tokens: int | None
    trained_tokens: int | None


@dataclass(frozen=True, slots=True)
class Inspection:
    """One sample, read as the trainer reads it. tokenized: None without a tokenizer, or when the template refuses."""

    format: SampleFormat
    turns: tuple[Turn, ...]
    tokenized: TokenizedChat | None


@dataclass(frozen=True, slots=True)
class _Known:
    """What is remembered of a line's text. Its findings are those of a line 0."""

    findings: tuple[Finding, ...]
    digest: bytes | None
    ignored: tuple[str, ...]
    tokens: int
    trained_tokens: int


class DatasetLinter:
    """Checks one data set, again and again as it is edited. Not safe for several threads at once.

    path: what findings name. selection: on top of what the recipe says.
    """

    def __init__(self, path: Path, context: Context, selection: Selection | None = None) -> None:
        self.path = path
        self.context = context
        self._selections = (Selection.of(context.recipe), selection or Selection())
        self._known: dict[str, _Known] = {}
        self._formats: dict[str, SampleFormat | None] = {}
        self._format: SampleFormat | None = None

    def check(self, text: str) -> list[Finding]:
        """Every finding, in the order of the file."""
        lines = LINE_END.split(text)
        filled = [(number, line) for number, line in enumerate(lines) if line.strip(" \t\f\v")]
        self._see_format({line for _, line in filled})
        surroundings = self._surroundings()
        known: dict[str, _Known] = {}
        for _, line in filled:
            if line not in known:
                known[line] = self._known.get(line) or self._check_line(Line(line, surroundings))
        self._known = known
        found = [
            finding if number == 0 else _moved(finding, number)
            for number, line in filled
            for finding in known[line].findings
        ]
        found += self._check_file(lines, filled)
        return sorted(found, key=lambda finding: finding.range)

    def totals(self, text: str) -> Totals:
        """Counts of a text that `check` has just seen."""
        entries = [self._known[line] for line in LINE_END.split(text) if line in self._known]
        counted = self.context.tokenizer is not None
        return Totals(
            self._format,
            sum(entry.digest is not None for entry in entries),
            sum(entry.tokens for entry in entries) if counted else None,
            sum(entry.trained_tokens for entry in entries) if counted else None,
        )

    def inspect(self, line: str) -> Inspection | None:
        """The sample on a line; None when there is none that can be read."""
        read = Line(line, self._surroundings())
        if read.format is None or read.turns is None:
            return None
        return Inspection(read.format, read.turns, read.tokenized)

    def _surroundings(self) -> Surroundings:
        return Surroundings(self._format, self.context.recipe, self.context.tokenizer)

    def _see_format(self, lines: set[str]) -> None:
        """The file's format is that of most of its samples. When it is another, nothing that was found counts."""
        self._formats = {line: self._formats[line] if line in self._formats else _format_of(line) for line in lines}
        counts = Counter(format_ for format_ in self._formats.values() if format_)
        most = max(samples.FORMATS, key=lambda format_: counts[format_]) if counts else None
        if most is not self._format:
            self._format = most
            self._known.clear()

    def _check_line(self, line: Line) -> _Known:
        findings: list[Finding] = []
        for stage in LINE_STAGES:
            # A rule may rely on what the stages before it have seen: tokens are counted of sound samples only.
            problems = [(rule, problem) for rule in stage for problem in rule.check(line)]
            findings += (
                self._finding(rule, problem, placing.on_line(problem.spot, line), line)
                for rule, problem in problems
                if self._selected(rule.code, line.ignored)
            )
            if any((problem.severity or rule.severity) is Severity.ERROR for rule, problem in problems):
                break
        tokenized = line.tokenized
        return _Known(
            tuple(findings),
            _digest(line),
            line.ignored,
            len(tokenized.ids) if tokenized else 0,
            tokenized.trained_tokens if tokenized else 0,
        )

    def _check_file(self, lines: Sequence[str], filled: Sequence[tuple[int, str]]) -> Iterator[Finding]:
        entries = [Entry(number, digest) for number, line in filled if (digest := self._known[line].digest) is not None]
        for rule in FILE_RULES:
            for number, problem in rule.check(entries):
                if self._selected(rule.code, self._known[lines[number]].ignored):
                    line = Line(lines[number], Surroundings())
                    found = self._finding(rule, problem, placing.on_line(problem.spot, line), line)
                    fix = placing.fix_in_file(problem.remedy, number, lines)
                    yield replace(_moved(found, number), fix=fix)

    def _selected(self, code: str, ignored: Sequence[str]) -> bool:
        return code not in ignored and all(selection.has(code) for selection in self._selections)

    def _finding(self, rule: Rule, problem: Problem, range_: Range, line: Line) -> Finding:
        return Finding(
            rule.code,
            rule.name,
            rule.severity if problem.severity is None else problem.severity,
            problem.message,
            range_,
            placing.fix_on_line(problem.remedy, line),
            tuple(Related(self.path, other.line, other.message) for other in problem.elsewhere),
        )


def _format_of(line: str) -> SampleFormat | None:
    try:
        value = orjson.loads(line)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        return None
    return samples.detect(value) if isinstance(value, dict) else None


def _digest(line: Line) -> bytes | None:
    if line.sample is None:
        return None
    sample = {key: value for key, value in line.sample.items() if key != samples.IGNORE_KEY}
    return hashlib.blake2b(orjson.dumps(sample, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()


def _moved(finding: Finding, lines: int) -> Finding:
    fix = finding.fix
    if fix is not None:
        fix = replace(fix, edits=tuple(replace(edit, range=_moved_range(edit.range, lines)) for edit in fix.edits))
    return replace(finding, range=_moved_range(finding.range, lines), fix=fix)


def _moved_range(range_: Range, lines: int) -> Range:
    return Range(
        Position(range_.start.line + lines, range_.start.column),
        Position(range_.end.line + lines, range_.end.column),
    )
