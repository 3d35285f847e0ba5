from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas.plan import RL_METHODS
from lintune_schemas.recipe import real_path
from lintune_schemas.samples import SampleFormat
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import RecipeProblem
from lintune_server.lint.rule import recipe_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.recipe_source import RecipeSource


@recipe_rule("RC624", Severity.ERROR)
def preference_method(source: RecipeSource) -> Iterator[RecipeProblem]:
    """
    ## What it does
    Reports a data set of preference pairs (`chosen` and `rejected`) in a recipe without `rl`, and one of other samples
    in a recipe with `rl: dpo`, `ipo` or `orpo`.

    ## Why it hurts
    Without a method that learns from pairs there is nothing to tell a model by which of two answers is the better one,
    and without pairs there is nothing for such a method to compare. The run is refused before it begins.

    ## Example
    ```yaml
    datasets:
      - path: data/pairs.jsonl
    learning_rate: 5.0e-6
    ```

    ## Use instead
    ```yaml
    datasets:
      - path: data/pairs.jsonl
    rl: dpo
    learning_rate: 5.0e-6
    ```
    """
    recipe = source.recipe
    if recipe is None or source.data is None or source.path is None or "rl" in source.faulty:
        return
    if source.values.get("reward_model"):  # Axolotl's: it learns to judge answers from pairs
        return
    formats = dict(source.data.formats)
    for place, name in source.data_paths:
        format_ = None if "\0" in name else formats.get(real_path(source.path.parent / name))
        if format_ is None:
            continue
        pairs = format_ is SampleFormat.PREFERENCE
        if pairs and recipe.rl is None:
            message = (
                f"{name} holds preference pairs, and the recipe names no method that learns from them. "
                "Set rl: dpo (or ipo, orpo), or name a data set of answers to learn."
            )
            yield RecipeProblem(message, source.range_of(place))
        elif not pairs and recipe.rl in RL_METHODS:
            message = (
                f"rl: {recipe.rl} learns from preference pairs, and the samples of {name} have no chosen and rejected "
                f"answer (format: {format_}). Take rl out, or name a data set of pairs."
            )
            yield RecipeProblem(message, source.range_of(place))
