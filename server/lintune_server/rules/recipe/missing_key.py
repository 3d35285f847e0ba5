from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import RecipeProblem
from lintune_server.lint.rule import recipe_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.recipe_source import RecipeSource

_DATA_KEYS = ("datasets", "pretraining_dataset", "nemo_gym_datasets")


@recipe_rule("RC604", Severity.ERROR)
def missing_key(source: RecipeSource) -> Iterator[RecipeProblem]:
    """
    ## What it does
    Reports a key that a recipe, or one of its sections, cannot do without.

    ## Why it hurts
    The run cannot start: it would not know which model to train, or on what.

    ## Example
    ```yaml
    datasets:
      - type: chat_template
    ```

    ## Use instead
    ```yaml
    datasets:
      - path: data/train.jsonl
        type: chat_template
    ```
    """
    if source.error is None and source.root is None:
        yield RecipeProblem("The recipe is empty: it needs base_model and datasets.", source.first_line)
    if source.mapping is None:
        return
    for fault in source.faults:
        if fault.keyword != "required":
            continue
        for key in fault.schema["required"]:
            if key not in fault.value:
                section = next((part for part in reversed(fault.path) if isinstance(part, str)), None)
                what = f"This entry of {section}" if section else "The recipe"
                place = source.range_of(fault.path) if section else source.first_line
                yield RecipeProblem(f"{what} has no {key}.", place)
    if "base_model" in source.mapping.value and "base_model" not in source.values:
        yield RecipeProblem("base_model is empty: name the model to train.", source.key_range((), "base_model"))
    if any(source.values.get(key) for key in _DATA_KEYS):
        return
    present = [key for key in _DATA_KEYS if key in source.mapping.value]
    if not present:
        yield RecipeProblem("The recipe has no datasets: there is nothing to train on.", source.first_line)
    for key in present:
        yield RecipeProblem(f"{key} is empty: there is nothing to train on.", source.key_range((), key))
