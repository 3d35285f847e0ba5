"""The rule book. One rule, one module: a rule is in the book as soon as its module lies in a folder here."""

from __future__ import annotations

import pkgutil
from dataclasses import replace
from importlib import import_module

from lintune_server.lint.rule import FileRule, HeadRule, LineRule, RecipeRule, Rule, ShapeRule


def _collect() -> tuple[Rule, ...]:
    """Every function of every rule. Those of one code have the name of the one with the page."""
    found: dict[int, Rule] = {}
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        for value in vars(import_module(module.name)).values():
            if isinstance(value, Rule):
                found[id(value)] = value
    names = {rule.code: rule.name for rule in found.values() if rule.doc}
    named = (replace(rule, name=names.get(rule.code, rule.name)) for rule in found.values())
    return tuple(sorted(named, key=lambda rule: (rule.code, not rule.doc)))


_CHECKS = _collect()

RULES = tuple(rule for rule in _CHECKS if rule.doc)
"""One for each code, in their order."""

BY_CODE = {rule.code: rule for rule in RULES}

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

_LINE_RULES = tuple(rule for rule in _CHECKS if isinstance(rule, LineRule))

GATED_STAGES = tuple(tuple(rule for rule in _LINE_RULES if rule.family == family) for family in ("JL", "SF"))
"""Rules of single lines, in the order in which they are asked: from a stage with an error none goes on."""

MEASURED_STAGE = tuple(rule for rule in _LINE_RULES if rule.family == "TK")
"""Asked only about lines in which the gated stages found no error, so that their tokens are known."""

FREE_STAGE = tuple(rule for rule in _LINE_RULES if rule.family not in ("JL", "SF", "TK"))
"""Asked about every sample in a known format."""

NEEDLES = frozenset(rule.needles for rule in _LINE_RULES if rule.needles)
"""What the rules with needles look for."""

HEAD_RULES = tuple(rule for rule in _CHECKS if isinstance(rule, HeadRule))
SHAPE_RULES = tuple(rule for rule in _CHECKS if isinstance(rule, ShapeRule))
FILE_RULES = tuple(rule for rule in _CHECKS if isinstance(rule, FileRule))
RECIPE_RULES = tuple(rule for rule in _CHECKS if isinstance(rule, RecipeRule))

FACTS = tuple(dict.fromkeys(fact for rule in FILE_RULES for fact in rule.facts))
"""What is kept of every sample."""

UNUSED_IGNORE = "DS506"
"""Asked after all others: it is about what they did not find."""
