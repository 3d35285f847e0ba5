"""What a rule is: a code, a severity, its documentation, and pure functions from what they read to problems.

A rule is written as a function with one of the decorators here; its docstring is its page in the rule book, with the
parts *What it does*, *Why it hurts*, *Example*, *Use instead* and, when it has one, *Fix*. A rule that looks at several
kinds of things is several functions with one code, of which one has the docstring.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lintune_server.lint.data_set import DataSet, Fact
    from lintune_server.lint.findings import Severity
    from lintune_server.lint.problems import Problem, RecipeProblem
    from lintune_server.lint.recipe_source import RecipeSource
    from lintune_server.lint.sample import Line
    from lintune_server.lint.shape import Head, Shape


@dataclass(frozen=True, slots=True)
class Rule:
    code: str
    """Two letters for the family, three digits. Never reused."""
    name: str
    """In the book, that of the function with the page."""
    severity: Severity
    """Unless a problem says otherwise."""
    doc: str
    """Markdown; empty for all but one function of a code."""

    @property
    def family(self) -> str:
        return self.code[:2]

    @property
    def summary(self) -> str:
        """The first sentence of *What it does*, on one line."""
        words = " ".join(self.section("What it does").split("\n\n")[0].split())
        sentence = re.match(r".+?\.(?= [A-Z“`]|$)", words)
        return sentence[0] if sentence else f"{words.rstrip('.:')}."

    @property
    def fix(self) -> Literal["safe", "unsafe"] | None:
        """Whether it has a fix for what it finds, at times, and whether one that loses nothing."""
        words = " ".join(self.section("Fix").split())
        if not words:
            return None
        return "safe" if re.search(r"(?<![Nn]ot )\b[Ss]afe\b", words) else "unsafe"

    def section(self, title: str) -> str:
        """The text of a part of the page; empty when there is none."""
        found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", self.doc, re.MULTILINE | re.DOTALL)
        return found[1].strip() if found else ""


@dataclass(frozen=True, slots=True)
class LineRule(Rule):
    """Looks at one line at a time; what it finds depends on nothing but that line and its surroundings."""

    check: Callable[[Line], Iterable[Problem]]
    needles: tuple[str, ...] = ()
    """When given: ASCII texts (compared without case) of which a line has at least one wherever the rule finds
    anything. On large files the rule is asked only about such lines, and about those with `\\u` escapes."""


@dataclass(frozen=True, slots=True)
class HeadRule(Rule):
    """Looks at a file's first bytes. Where it finds anything, the file is no JSON Lines: its lines are not checked."""

    check: Callable[[Head], Iterable[Problem]]


@dataclass(frozen=True, slots=True)
class ShapeRule(Rule):
    """Looks at line ends, blank lines and the like. Yields each problem with the 0-based line that it is about."""

    check: Callable[[Shape], Iterable[tuple[int, Problem]]]


@dataclass(frozen=True, slots=True)
class FileRule(Rule):
    """Compares the samples of a file, by facts that are kept of each.

    Yields each problem with the index of its sample in the data set; None for the data set as a whole.
    """

    facts: tuple[Fact, ...]
    check: Callable[[DataSet], Iterable[tuple[int | None, Problem]]]


@dataclass(frozen=True, slots=True)
class RecipeRule(Rule):
    """Looks at a recipe."""

    check: Callable[[RecipeSource], Iterable[RecipeProblem]]


def line_rule(
    code: str, severity: Severity, needles: tuple[str, ...] = ()
) -> Callable[[Callable[[Line], Iterable[Problem]]], LineRule]:
    return lambda check: LineRule(code, _name(check), severity, _doc(check), check, needles)


def head_rule(code: str, severity: Severity) -> Callable[[Callable[[Head], Iterable[Problem]]], HeadRule]:
    return lambda check: HeadRule(code, _name(check), severity, _doc(check), check)


def shape_rule(
    code: str, severity: Severity
) -> Callable[[Callable[[Shape], Iterable[tuple[int, Problem]]]], ShapeRule]:
    return lambda check: ShapeRule(code, _name(check), severity, _doc(check), check)


def file_rule(
    code: str, severity: Severity, *facts: Fact
) -> Callable[[Callable[[DataSet], Iterable[tuple[int | None, Problem]]]], FileRule]:
    return lambda check: FileRule(code, _name(check), severity, _doc(check), facts, check)


def recipe_rule(
    code: str, severity: Severity
) -> Callable[[Callable[[RecipeSource], Iterable[RecipeProblem]]], RecipeRule]:
    return lambda check: RecipeRule(code, _name(check), severity, _doc(check), check)


def _name(check: Callable[..., object]) -> str:
    return check.__name__.replace("_", "-")


def _doc(check: Callable[..., object]) -> str:
    return inspect.getdoc(check) or ""
