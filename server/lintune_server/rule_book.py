"""The whole rule book."""

from __future__ import annotations

from lintune_server.lint.rule import RecipeRule
from lintune_server.rules import ABOUT_RECIPES, CHECKS, collected

_CHECKS = (*CHECKS, *collected(ABOUT_RECIPES))

RULES = tuple(sorted((rule for rule in _CHECKS if rule.doc), key=lambda rule: rule.code))
"""One for each code, in their order."""

BY_CODE = {rule.code: rule for rule in RULES}

RECIPE_RULES = tuple(rule for rule in _CHECKS if isinstance(rule, RecipeRule))
