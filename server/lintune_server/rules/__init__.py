"""The rule book. One rule, one module: a rule is in the book as soon as its module lies in a folder here."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from lintune_server.lint.rule import FileRule, LineRule, RecipeRule, Rule


def _collect() -> tuple[Rule, ...]:
    found: dict[str, Rule] = {}
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        for value in vars(import_module(module.name)).values():
            if isinstance(value, Rule):
                found[value.code] = value
    return tuple(found[code] for code in sorted(found))


RULES = _collect()
"""In the order of their codes."""

BY_CODE = {rule.code: rule for rule in RULES}

FAMILIES = {
    "JL": "JSON Lines",
    "SF": "Sample format",
    "TK": "Tokens and templates",
    "DU": "Duplicates and leaks",
    "RC": "Recipe",
}

LINE_STAGES = tuple(
    tuple(rule for rule in RULES if isinstance(rule, LineRule) and rule.family == family)
    for family in ("JL", "SF", "TK")
)
"""Rules of single lines, in the order in which they are asked: from a stage with an error none goes on."""

FILE_RULES = tuple(rule for rule in RULES if isinstance(rule, FileRule))
RECIPE_RULES = tuple(rule for rule in RULES if isinstance(rule, RecipeRule))
