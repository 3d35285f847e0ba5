"""What the rules find that look at more than one line: line ends, duplicates, a data set as a whole."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from lintune_server.lint import placing
from lintune_server.lint.data_set import DataSet
from lintune_server.lint.line_check import finding_of
from lintune_server.lint.rule import FileRule
from lintune_server.lint.sample import Line, Surroundings
from lintune_server.rules import BY_CODE, FACTS, FILE_RULES, SHAPE_RULES, UNUSED_IGNORE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lintune_server.lint.findings import Finding
    from lintune_server.lint.part import Part
    from lintune_server.lint.peers import Peers
    from lintune_server.lint.problems import Problem
    from lintune_server.lint.rule import Rule
    from lintune_server.lint.selection import Selection


def data_set(path: Path, part: Part, surroundings: Surroundings, text_of: Callable[[int], str]) -> DataSet:
    columns = {fact.name: column for fact, column in zip(FACTS, part.columns, strict=True)}
    return DataSet(path, surroundings, part.samples, columns, text_of)


def judge(data: DataSet, part: Part, peers: Peers, selection: Selection) -> list[Finding]:
    """Every finding about the file that is not one of a single line's. peers: the recipe's data sets."""
    data.training, data.evaluation = peers.around(data)
    found: list[Finding] = []
    matched: dict[int, set[str]] = {}
    for rule, number, problem in chain(_of_shape(part), _of_samples(data, part, selection)):
        if number in part.ignored and rule.code in part.ignored[number]:
            matched.setdefault(number, set()).add(rule.code)
        elif selection.has(rule.code):
            found.append(_finding(rule, number, problem, data, part))
    if part.unused and selection.has(UNUSED_IGNORE):
        data.unused = _unused(data, part, matched)
        for rule, number, problem in _ask(BY_CODE[UNUSED_IGNORE], data):
            found.append(_finding(rule, number, problem, data, part))
    return found


def _unused(data: DataSet, part: Part, matched: dict[int, set[str]]) -> dict[int, tuple[str, ...]]:
    found = {}
    for index, number in enumerate(data.lines):
        if number in part.unused:
            left = tuple(code for code in part.unused[number] if code not in matched.get(number, ()))
            if left:
                found[index] = left
    return found


def _of_shape(part: Part) -> Iterator[tuple[Rule, int, Problem]]:
    for rule in SHAPE_RULES:
        for number, problem in rule.check(part.shape):
            yield rule, number, problem


def _of_samples(data: DataSet, part: Part, selection: Selection) -> Iterator[tuple[Rule, int, Problem]]:
    for rule in FILE_RULES:
        # A rule that is not selected is asked only when it may say that a sample's ignore is used.
        if rule.code != UNUSED_IGNORE and (part.ignored or selection.has(rule.code)):
            yield from _ask(rule, data)


def _ask(rule: Rule, data: DataSet) -> Iterator[tuple[Rule, int, Problem]]:
    assert isinstance(rule, FileRule)
    for index, problem in rule.check(data):
        yield rule, 0 if index is None else data.lines[index], problem


def _finding(rule: Rule, number: int, problem: Problem, data: DataSet, part: Part) -> Finding:
    line = Line(data.text_of(number), data.surroundings)
    place = placing.in_file(problem.spot, number, line)
    fix = placing.fix_in_file(problem.remedy, number, line, part.shape, data.text_of)
    return replace(finding_of(rule, replace(problem, remedy=None), place, line, data.path), fix=fix)
