from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import RecipeProblem
from lintune_server.lint.rule import recipe_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.recipe_source import RecipeSource

_FEW = 1_000
"""Samples, under which a model that sees each of them often learns them by heart rather than the task."""
_OF_FEW = 3
"""Epochs: what Alpaca and its followers trained 52,000 samples for (Taori et al. 2023); OpenAI's usual number, too."""
_OF_MANY = 5
"""Epochs. QLoRA's runs stop where the evaluation gets worse, which is after 1 to 5 (Dettmers et al. 2023, table 9)."""


@recipe_rule("RC611", Severity.WARNING)
def overfitting(source: RecipeSource) -> Iterator[RecipeProblem]:
    """
    ## What it does
    Reports a run that sees each sample more than 3 times when there are fewer than 1,000, or more than 5 times whatever
    their number, and does not stop early. `max_steps` is counted in epochs, too, where the data sets can be read.

    ## Why it hurts
    A small model that reads the same few samples over and over learns them by heart: the loss goes on falling, and the
    answers to anything else get worse.

    ## Example
    ```yaml
    datasets:
      - path: 200-samples.jsonl
    num_epochs: 10
    ```

    ## Use instead
    ```yaml
    datasets:
      - path: 200-samples.jsonl
    num_epochs: 2
    ```
    """
    recipe = source.recipe
    counted = {"micro_batch_size", "gradient_accumulation_steps", "num_epochs", "max_steps"}
    if recipe is None or source.values.get("early_stopping_patience") or source.faulty & counted:
        return
    key = "max_steps" if recipe.max_steps else "num_epochs"
    if key not in source.values or (not recipe.max_steps and recipe.num_epochs <= _OF_FEW):
        return
    samples = source.data.training_samples if source.data else 0
    if recipe.max_steps:
        each_step = recipe.micro_batch_size * recipe.gradient_accumulation_steps
        epochs = recipe.max_steps * each_step / samples if samples else 0.0
    else:
        epochs = recipe.num_epochs
    most = _OF_FEW if 0 < samples < _FEW else _OF_MANY
    if epochs > most:
        of = f"the {samples:,} samples" if samples else "the samples"
        message = (
            f"The run sees each of {of} {epochs:.3g} times, and is likely to learn them by heart. "
            f"Stay at {most} epochs at most, or stop early (early_stopping_patience)."
        )
        yield RecipeProblem(message, source.range_of((key,)))
