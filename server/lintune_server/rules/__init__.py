"""The rules. One rule, one module: a rule is in the book as soon as its module lies in a folder here.

Here are those for data sets. `rule_book` has all of them: checking data should not wait for the rules of recipes.
"""

from __future__ import annotations

import pkgutil
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING

from lintune_server.lint.rule import FileRule, HeadRule, LineRule, Rule, ShapeRule

if TYPE_CHECKING:
    from collections.abc import Iterable


def collected(packages: Iterable[str]) -> tuple[Rule, ...]:
    """Every function of every rule in some of the folders. Those of one code have the name of the one with the page."""
    found: dict[int, Rule] = {}
    for package in packages:
        folder = import_module(f"{__name__}.{package}")
        for module in pkgutil.iter_modules(folder.__path__, f"{folder.__name__}."):
            for value in vars(import_module(module.name)).values():
                if isinstance(value, Rule):
                    found[id(value)] = value
    names = {rule.code: rule.name for rule in found.values() if rule.doc}
    named = (replace(rule, name=names.get(rule.code, rule.name)) for rule in found.values())
    return tuple(sorted(named, key=lambda rule: (rule.code, not rule.doc)))


ABOUT_RECIPES = ("recipe", "hardware")
"""The folders of the families RC and HW."""

CHECKS = collected(module.name for module in pkgutil.iter_modules(__path__) if module.name not in ABOUT_RECIPES)
"""Every function of the others."""

FAMILIES = {
    "JL": "JSON Lines",
    "SF": "Sample format",
    "TK": "Tokens and templates",
    "DU": "Duplicates and leaks",
    "QL": "Quality",
    "DS": "The data set as a whole",
    "RC": "Recipe",
    "HW": "Hardware",
}

_LINE_RULES = tuple(rule for rule in CHECKS if isinstance(rule, LineRule))

GATED_STAGES = tuple(tuple(rule for rule in _LINE_RULES if rule.family == family) for family in ("JL", "SF"))
"""Rules of single lines, in the order in which they are asked: from a stage with an error none goes on."""

MEASURED_STAGE = tuple(rule for rule in _LINE_RULES if rule.family == "TK")
"""Asked only about lines in which the gated stages found no error, so that their tokens are known."""

FREE_STAGE = tuple(rule for rule in _LINE_RULES if rule.family not in ("JL", "SF", "TK"))
"""Asked about every sample in a known format."""

NEEDLES = frozenset(rule.needles for rule in _LINE_RULES if rule.needles)
"""What the rules with needles look for."""

HEAD_RULES = tuple(rule for rule in CHECKS if isinstance(rule, HeadRule))
SHAPE_RULES = tuple(rule for rule in CHECKS if isinstance(rule, ShapeRule))
FILE_RULES = tuple(rule for rule in CHECKS if isinstance(rule, FileRule))

FACTS = tuple(dict.fromkeys(fact for rule in FILE_RULES for fact in rule.facts))
"""What is kept of every sample."""

UNUSED_IGNORE = "DS506"
"""Asked after all others: it is about what they did not find."""
