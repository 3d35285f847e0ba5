"""What there is to say about a key of a recipe, as Markdown: for hovers, and beside a list of keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from lintune_schemas.recipe_keys import RecipeKey

_MOST_CHOICES = 12
"""More of them fill a screen; completion lists all."""


def page(key: RecipeKey) -> str:
    """Its sentence; its type, default and choices; who carries it out."""
    parts = [key.description, facts(key)]
    if key.deprecated:
        parts.append(_deprecation(key))
    elif not key.carried_out:
        parts.append("*The built-in trainer does not carry it out; Axolotl does.*")
    return "\n\n".join(part for part in parts if part)


def facts(key: RecipeKey) -> str:
    words = [key.kind] if key.kind else []
    if key.default is not None:
        words.append(f"default `{written(key.default)}`")
    named = [choice for choice in key.choices if choice not in ("true", "false")]
    if named:
        more = f" and {len(named) - _MOST_CHOICES} more" if len(named) > _MOST_CHOICES else ""
        words.append("choices " + ", ".join(f"`{choice}`" for choice in named[:_MOST_CHOICES]) + more)
    return " · ".join(words)


def summary(key: RecipeKey) -> str:
    """Its type and default in a few words."""
    default = f", default {written(key.default)}" if key.default is not None else ""
    return f"{key.kind}{default}"


def written(value: Any) -> str:
    """A value as YAML writes it on one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


def _deprecation(key: RecipeKey) -> str:
    return f"**Deprecated**: write `{key.replacement}` instead." if key.replacement else "**Deprecated.**"
