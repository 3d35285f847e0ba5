"""Checking a recipe."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from lintune_server.lint import recipe_data
from lintune_server.lint.findings import Edit, Finding, Fix
from lintune_server.lint.recipe_source import RecipeSource
from lintune_server.lint.sieve import UNUSED_RECIPE_IGNORE, Sieve, ignores_of
from lintune_server.rule_book import RECIPE_RULES

if TYPE_CHECKING:
    from collections.abc import Iterator, Set
    from pathlib import Path

    from lintune_server.hardware import Machine
    from lintune_server.lint.problems import RecipeProblem
    from lintune_server.lint.rule import RecipeRule, Rule
    from lintune_server.lint.selection import Selection
    from lintune_server.lint.sieve import Ignore


def check_recipe(
    text: str, path: Path, selection: Selection | None = None, machine: Machine | None = None
) -> list[Finding]:
    """Every finding that counts, in the order of the file.

    selection: on top of what the recipe itself says. machine: the one to train on; None for this one.
    """
    source = RecipeSource(text, path, machine)
    return judge(source, Sieve.of(path, source.recipe, path, selection))


def judge(source: RecipeSource, sieve: Sieve, used: Set[Ignore] | None = None) -> list[Finding]:
    """Every finding that the sieve lets through.

    used: what was found in the recipe's data sets of all that it ignores; None when nobody has looked.
    """
    last = next(rule for rule in RECIPE_RULES if rule.code == UNUSED_RECIPE_IGNORE)
    found = [
        *chain.from_iterable(_ask(rule, source) for rule in RECIPE_RULES if rule != last and sieve.asks(rule.code)),
        *recipe_data.check(source, sieve.asks),
    ]
    if used is not None:
        needed = used | sieve.holding(found)
        source.unused_ignores = tuple(ignore.path for _, ignore in ignores_of(source.recipe) if ignore not in needed)
    if sieve.asks(last.code):
        found += _ask(last, source)
    return sieve.sift(found, source.line)


def _ask(rule: RecipeRule, source: RecipeSource) -> Iterator[Finding]:
    for problem in rule.check(source):
        yield _finding(rule, problem)


def _finding(rule: Rule, problem: RecipeProblem) -> Finding:
    fix = None
    if problem.replacement is not None:
        first = Edit(problem.replace_range or problem.range, problem.replacement)
        edits = (first, *(Edit(place, text) for place, text in problem.more))
        fix = Fix(problem.title, edits, problem.safe)
    severity = rule.severity if problem.severity is None else problem.severity
    return Finding(rule.code, rule.name, severity, problem.message, problem.range, fix)
