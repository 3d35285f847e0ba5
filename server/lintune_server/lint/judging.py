"""What the rules find that look at more than one line: line ends, duplicates, a data set as a whole."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from lintune_server.lint import cache, placing
from lintune_server.lint.data_set import DataSet
from lintune_server.lint.findings import Finding
from lintune_server.lint.line_check import finding_of
from lintune_server.lint.rule import FileRule
from lintune_server.lint.sample import Line, Surroundings
from lintune_server.rules import FACTS, FILE_RULES, SHAPE_RULES, UNUSED_IGNORE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lintune_server.lint.part import Part
    from lintune_server.lint.peers import Peers
    from lintune_server.lint.problems import Problem
    from lintune_server.lint.rule import Rule


_WORTH_KEEPING = 1_000
"""Samples which it takes longer to compare than to look up what was found."""

_UNUSED_IGNORE = next(rule for rule in FILE_RULES if rule.code == UNUSED_IGNORE)


class _Found(NamedTuple):
    rule: Rule
    line: int | None
    """None for the file as a whole."""
    problem: Problem


def data_set(path: Path, part: Part, surroundings: Surroundings, text_of: Callable[[int], str]) -> DataSet:
    columns = {fact.name: column for fact, column in zip(FACTS, part.columns, strict=True)}
    return DataSet(path, surroundings, part.samples, columns, text_of, key=part.key)


def judge(data: DataSet, part: Part, peers: Peers, asks: Callable[[str], bool]) -> list[Finding]:
    """Every finding about the file that is not one of a single line's.

    peers: the recipe's data sets. asks: whether a rule is asked, by its code.
    """
    peers.introduce(data)
    key = _key(data, asks)
    found = cache.get(key, list[Finding]) if key else None
    if found is None:
        found = _judge(data, part, asks)
        if key:
            cache.put(key, found)
    return found


def _key(data: DataSet, asks: Callable[[str], bool]) -> bytes:
    keys = [b"trained on", *(other.key for other in data.training), b"evaluated with"]
    keys += [data.key, *(other.key for other in data.evaluation)]
    worth_keeping = len(data) >= _WORTH_KEEPING and all(keys)
    asked = (rule.code for rule in (*SHAPE_RULES, *FILE_RULES) if asks(rule.code))
    return cache.key_of(*keys, *asked) if worth_keeping else b""


def _judge(data: DataSet, part: Part, asks: Callable[[str], bool]) -> list[Finding]:
    found: list[Finding] = []
    matched: dict[int, set[str]] = {}
    for one in chain(_of_shape(part), _of_samples(data, part, asks)):
        if one.line is not None and one.rule.code in part.ignored.get(one.line, ()):
            matched.setdefault(one.line, set()).add(one.rule.code)
        elif asks(one.rule.code):
            found.append(_finding(one, data, part))
    if part.unused and asks(UNUSED_IGNORE):
        data.unused = _unused(data, part, matched)
        found += [_finding(one, data, part) for one in _ask(_UNUSED_IGNORE, data)]
    return found


def _unused(data: DataSet, part: Part, matched: dict[int, set[str]]) -> dict[int, tuple[str, ...]]:
    found = {}
    for index, number in enumerate(data.lines):
        if number in part.unused:
            left = tuple(code for code in part.unused[number] if code not in matched.get(number, ()))
            if left:
                found[index] = left
    return found


def _of_shape(part: Part) -> Iterator[_Found]:
    for rule in SHAPE_RULES:
        for number, problem in rule.check(part.shape):
            yield _Found(rule, number, problem)


def _of_samples(data: DataSet, part: Part, asks: Callable[[str], bool]) -> Iterator[_Found]:
    for rule in FILE_RULES:
        # A rule that is not selected is asked only when it may say that a sample's ignore is used.
        if rule.code != UNUSED_IGNORE and (part.ignored or asks(rule.code)):
            yield from _ask(rule, data)


def _ask(rule: Rule, data: DataSet) -> Iterator[_Found]:
    assert isinstance(rule, FileRule)
    for index, problem in rule.check(data):
        yield _Found(rule, None if index is None else data.lines[index], problem)


def _finding(found: _Found, data: DataSet, part: Part) -> Finding:
    """Placed; what is about the file as a whole, on its first line."""
    rule, at, problem = found
    number = at or 0
    line = Line(data.text_of(number), data.surroundings)
    place = placing.in_file(problem.spot, number, line)
    fix = placing.fix_in_file(problem.remedy, number, line, part.shape, data.text_of)
    finding = finding_of(rule, replace(problem, remedy=None), place, line, data.path)
    return replace(finding, fix=fix, whole_file=at is None)
