from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem
from lintune_server.lint.rule import file_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.data_set import DataSet


@file_rule("DS502", Severity.WARNING)
def no_evaluation(data: DataSet) -> Iterator[tuple[None, Problem]]:
    """
    ## What it does
    Reports a recipe that trains on everything it has: no `test_datasets`, and no `val_set_size`.

    ## Why it hurts
    Over-fitting cannot be seen without samples that are not trained on, and early stopping cannot work.

    ## Example
    ```yaml
    datasets:
      - path: train.jsonl
    ```

    ## Use instead
    ```yaml
    datasets:
      - path: train.jsonl
    val_set_size: 0.05
    ```
    """
    recipe = data.surroundings.recipe
    if data.trained_on and recipe is not None and not recipe.test_datasets and not recipe.val_set_size:
        message = (
            "Everything is trained on, so over-fitting cannot be seen. "
            "Set val_set_size: 0.05 in the recipe, or list a file under test_datasets."
        )
        yield None, Problem(message)
