from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import RecipeProblem
from lintune_server.lint.rule import recipe_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.recipe_source import RecipeSource


@recipe_rule("RC605", Severity.ERROR)
def repeated_key(source: RecipeSource) -> Iterator[RecipeProblem]:
    """
    ## What it does
    Reports a key that stands twice in one mapping. What a merge (`<<`) brings in may be said otherwise.

    ## Why it hurts
    YAML readers keep the last one and say nothing. Whoever changes the first one changes nothing.

    ## Example
    ```yaml
    lora_r: 16
    lora_alpha: 32
    lora_r: 64
    ```

    ## Use instead
    ```yaml
    lora_r: 64
    lora_alpha: 32
    ```
    """
    for path, node in source.mappings:
        for key, earlier in node.repeated.items():
            first = min(place.start.line for place in earlier) + 1
            for place in sorted([*earlier, source.key_range(path, key)])[1:]:
                yield RecipeProblem(f"{key} is there already, on line {first}; only the last one counts.", place)
