"""Checking a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Edit, Finding, Fix
from lintune_server.lint.recipe_source import RecipeSource
from lintune_server.lint.selection import Selection
from lintune_server.rules import RECIPE_RULES

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_server.lint.problems import RecipeProblem
    from lintune_server.lint.rule import Rule


def check_recipe(text: str, path: Path, selection: Selection | None = None) -> list[Finding]:  # noqa: ARG001
    """Every finding, in the order of the file. selection: on top of what the recipe itself says."""
    source = RecipeSource(text)
    selections = (Selection.of(source.recipe), selection or Selection())
    found = [
        _finding(rule, problem)
        for rule in RECIPE_RULES
        if all(chosen.has(rule.code) for chosen in selections)
        for problem in rule.check(source)
    ]
    return sorted(found, key=lambda finding: finding.range)


def _finding(rule: Rule, problem: RecipeProblem) -> Finding:
    fix = None
    if problem.replacement is not None:
        fix = Fix(problem.title, (Edit(problem.replace_range or problem.range, problem.replacement),))
    severity = rule.severity if problem.severity is None else problem.severity
    return Finding(rule.code, rule.name, severity, problem.message, problem.range, fix)
