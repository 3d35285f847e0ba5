from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lintune_schemas.recipe import json_schema
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import RecipeProblem
from lintune_server.lint.rule import recipe_rule
from lintune_server.lint.words import closest
from lintune_server.rules.recipe.other_names import OTHER_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.recipe_source import RecipeSource

_SEARCHED = 200
"""Unknown keys that are compared with all known ones, each in some milliseconds: with more, it is no recipe."""

_ODD_SPACE = re.compile("[\u00a0\u2000-\u200b\u202f\u3000\ufeff]")
"""Looks like indentation, and comes with text that is copied from a page."""


@recipe_rule("RC602", Severity.ERROR)
def unknown_key(source: RecipeSource) -> Iterator[RecipeProblem]:
    """
    ## What it does
    Reports a key that neither Axolotl nor Lintune knows, and the key that was probably meant: the closest one, or what
    transformers, PEFT, TRL or LLaMA-Factory call by that name. A key that is like no other is information only
    where the recipe has `plugins` that are not known here: it may be theirs.

    ## Why it hurts
    Most tools skip a key they do not know. The run then uses a default, and nobody notices.

    ## Example
    ```yaml
    lora_aplha: 32
    ```

    ## Use instead
    ```yaml
    lora_alpha: 32
    ```

    ## Fix
    Renames the key where one is close, or has that name elsewhere, and it is not there yet. Safe.
    """
    plugin = _foreign_plugin(source)
    unknown = (fault for fault in source.faults if fault.keyword == "additionalProperties")
    for number, fault in enumerate(unknown):
        *parent, key = fault.path
        place = source.key_range(tuple(parent), str(key))
        known = fault.schema.get("properties", {})
        elsewhere = OTHER_NAMES.get(str(key).lower())
        meant = elsewhere if elsewhere in known else closest(str(key), known) if number < _SEARCHED else None
        where = f" in {'.'.join(str(part) for part in parent if isinstance(part, str))}" if parent else ""
        if odd := _ODD_SPACE.search(str(key)):
            message = f"This line has a space that is none to YAML (U+{ord(odd[0]):04X}). Write plain spaces."
            yield RecipeProblem(message, place)
        elif meant is None and plugin and not parent:
            message = f"Key {key} is not known here: it may belong to the plugin {plugin}."
            yield RecipeProblem(message, place, severity=Severity.INFO)
        elif meant is None:
            yield RecipeProblem(f"Unknown key {key}{where}.", place)
        elif meant in _siblings(source, parent):
            yield RecipeProblem(f"Unknown key {key}{where}. {meant} is there already: delete this one.", place)
        else:
            yield RecipeProblem(f"Unknown key {key}{where}. Is {meant} meant?", place, f"Change to {meant}", meant)


def _foreign_plugin(source: RecipeSource) -> str | None:
    """The first plugin whose keys are not known here."""
    plugins = source.values.get("plugins")
    names = [name for name in plugins if isinstance(name, str)] if isinstance(plugins, list) else []
    known = json_schema()["x-plugins"]
    return next((name for name in names if not any(name.startswith(f"{plugin}.") for plugin in known)), None)


def _siblings(source: RecipeSource, parent: list[str | int]) -> dict[str, object]:
    assert source.root is not None
    value: dict[str, object] = source.root.at(tuple(parent)).value
    return value
