from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import RecipeProblem
from lintune_server.lint.rule import recipe_rule
from lintune_server.lint.words import json_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.recipe_source import RecipeSource


@recipe_rule("RC601", Severity.ERROR)
def invalid_yaml(source: RecipeSource) -> Iterator[RecipeProblem]:
    """
    ## What it does
    Reports where a recipe stops being YAML, in plain words; a recipe that is YAML but no mapping of keys; and YAML that
    no recipe needs: tags, aliases that lead into themselves or stand for very many values, numbers without an end.

    ## Why it hurts
    Nothing can be read from it.

    ## Example
    A tab in front of a key.

    ## Use instead
    Spaces.
    """
    if source.error is not None:
        message = source.error.message
        message = f"{message[0].upper()}{message[1:]}." if source.error.is_yaml else f"Invalid YAML: {message}."
        yield RecipeProblem(message, source.error.range)
    elif source.root is not None and source.mapping is None:
        yield RecipeProblem(
            f"A recipe is a mapping of keys to values, and this is {json_kind(source.root.value)}.",
            source.first_line,
        )
