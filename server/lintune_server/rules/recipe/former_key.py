from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lintune_schemas import recipe_keys
from lintune_server.lint.findings import Position, Range, Severity
from lintune_server.lint.problems import RecipeProblem
from lintune_server.lint.rule import recipe_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.recipe_keys import RecipeKey
    from lintune_schemas.samples import Path
    from lintune_server.lint.recipe_source import RecipeSource
    from lintune_server.lint.yaml_source import YamlNode

_PLAIN = re.compile(r"[^\s,\[\]{}#&*!|>'\"%@`][^,\[\]{}#\n]*|\{[^#\n]*\}|\[[^#\n]*\]|\"[^\"\n]*\"|'[^'\n]*'")
"""A value that may be written inside of braces as it is."""


@recipe_rule("RC606", Severity.WARNING)
def former_key(source: RecipeSource) -> Iterator[RecipeProblem]:
    """
    ## What it does
    Reports a key that Axolotl has renamed, moved or dropped, and what is written today. A key that is empty or `false`
    is left alone.

    ## Why it hurts
    Axolotl warns, then refuses, then skips such a key without a word: a recipe that worked trains otherwise after an
    update.

    ## Example
    ```yaml
    evaluation_strategy: steps
    flash_attention: true
    ```

    ## Use instead
    ```yaml
    eval_strategy: steps
    attn_implementation: flash_attention_2
    ```

    ## Fix
    Writes the key of today, or takes out the one that does nothing. Safe.
    """
    for path, node in source.mappings:
        known = recipe_keys.keys_under(path)
        former = {
            name: known[name]
            for name, value in node.value.items()
            if value and name in known and known[name].deprecated
        }
        for key in former.values():
            yield _problem(source, path, node, key, former)


def _problem(
    source: RecipeSource, path: Path, node: YamlNode, key: RecipeKey, former: dict[str, RecipeKey]
) -> RecipeProblem:
    place, new = source.key_range(path, key.name), key.replacement
    if new is None:
        return _gone(source, path, node, key.name)
    section, _, inner = new.rpartition(".")
    if section:
        written = "stands" if inner == key.name else f"is written as {inner}"
        message = f"{key.name} {written} under {section} today."
        others = [other for other in former.values() if (other.replacement or "").startswith(f"{section}.")]
        raw = node.keys[key.name].raw
        if section in node.value or len(others) > 1 or not _PLAIN.fullmatch(raw):
            return RecipeProblem(message, place)
        text, title = f"{section}: {{{inner}: {raw}}}", f"Write it under {section}"
        return RecipeProblem(message, place, title, text, replace_range=source.entry_range(path, key.name))
    written = f"{new}: {key.replacement_value}" if key.replacement_value else new
    if new in node.value or any(other is not key and other.replacement == new for other in former.values()):
        return RecipeProblem(f"{key.name} is written as {written} today. Keep one of the two.", place)
    where = source.entry_range(path, key.name) if key.replacement_value else place
    return RecipeProblem(
        f"{key.name} is written as {written} today.", place, f"Write {written}", written, replace_range=where
    )


def _gone(source: RecipeSource, path: Path, node: YamlNode, name: str) -> RecipeProblem:
    """The fix takes the line out, where nothing else is on it."""
    place, entry = source.key_range(path, name), source.entry_range(path, name)
    message = f"Axolotl has given {name} up. Take it out."
    line, end = source.line(entry.start.line), node.keys[name].range.end
    alone = not line[: entry.start.column].strip() and not line[entry.end.column :].strip()
    last = source.text.count("\n") == entry.start.line
    if not alone or last or end.line != entry.end.line or len(node.value) == 1:
        return RecipeProblem(message, place)
    whole = Range(Position(entry.start.line, 0), Position(entry.start.line + 1, 0))
    return RecipeProblem(message, place, f"Take {name} out", "", replace_range=whole)
