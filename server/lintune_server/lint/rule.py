"""What a rule is: a code, a severity, its documentation, and a pure function from what it reads to problems.

A rule is written as a function with one of the decorators here; its docstring is its page in the rule book, with the
parts *What it does*, *Why it hurts*, *Example*, *Use instead* and, when it has one, *Fix*.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from lintune_server.lint.findings import Severity
    from lintune_server.lint.problems import Problem, RecipeProblem
    from lintune_server.lint.recipe_source import RecipeSource
    from lintune_server.lint.sample import Line


@dataclass(frozen=True, slots=True)
class Rule:
    code: str
    """Two letters for the family, three digits. Never reused."""
    name: str
    severity: Severity
    """Unless a problem says otherwise."""
    doc: str
    """Markdown."""

    @property
    def family(self) -> str:
        return self.code[:2]


@dataclass(frozen=True, slots=True)
class LineRule(Rule):
    """Looks at one line at a time; what it finds depends on nothing but that line and its surroundings."""

    check: Callable[[Line], Iterable[Problem]]


@dataclass(frozen=True, slots=True)
class Entry:
    """What is kept of a sample for the rules that compare samples."""

    line: int
    """0-based."""
    digest: bytes
    """Of its canonical JSON: keys sorted, no white space outside strings."""


@dataclass(frozen=True, slots=True)
class FileRule(Rule):
    """Compares the samples of one file. Yields each problem with the 0-based line it is about."""

    check: Callable[[Sequence[Entry]], Iterable[tuple[int, Problem]]]


@dataclass(frozen=True, slots=True)
class RecipeRule(Rule):
    """Looks at a recipe."""

    check: Callable[[RecipeSource], Iterable[RecipeProblem]]


def line_rule(code: str, severity: Severity) -> Callable[[Callable[[Line], Iterable[Problem]]], LineRule]:
    return lambda check: LineRule(code, _name(check), severity, _doc(check), check)


def file_rule(
    code: str, severity: Severity
) -> Callable[[Callable[[Sequence[Entry]], Iterable[tuple[int, Problem]]]], FileRule]:
    return lambda check: FileRule(code, _name(check), severity, _doc(check), check)


def recipe_rule(
    code: str, severity: Severity
) -> Callable[[Callable[[RecipeSource], Iterable[RecipeProblem]]], RecipeRule]:
    return lambda check: RecipeRule(code, _name(check), severity, _doc(check), check)


def _name(check: Callable[..., object]) -> str:
    return check.__name__.replace("_", "-")


def _doc(check: Callable[..., object]) -> str:
    return inspect.getdoc(check) or ""
