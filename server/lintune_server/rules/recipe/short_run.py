from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas.plan import plan, rows
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import RecipeProblem
from lintune_server.lint.rule import recipe_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.recipe import Recipe
    from lintune_server.lint.recipe_source import RecipeSource

_FEWEST = 10
"""Optimizer steps. Adam's second moments look back over 1,000, and a schedule has to go up and down in them."""
_WORTH_IT = 10
"""Samples, under which DS501 says that there are too few to train on."""

_COUNTED = frozenset(("micro_batch_size", "gradient_accumulation_steps", "num_epochs", "max_steps", "val_set_size"))
"""What makes the number of steps."""


@recipe_rule("RC617", Severity.WARNING)
def short_run(source: RecipeSource) -> Iterator[RecipeProblem]:
    """
    ## What it does
    Counts the optimizer steps of the run, where the data sets can be read or `max_steps` is set, and reports fewer than
    10 in all, a warm-up that takes them all, and `eval_steps` or `save_steps` beyond the last one.

    ## Why it hurts
    While it warms up, the learning rate is a part of what was asked for: a run that ends in its warm-up has learned
    little. An evaluation that is due after the end is never made.

    ## Example
    200 samples, 50 steps in all, and
    ```yaml
    micro_batch_size: 4
    num_epochs: 1
    warmup_steps: 100
    eval_steps: 500
    ```

    ## Use instead
    ```yaml
    micro_batch_size: 4
    num_epochs: 1
    warmup_steps: 5
    eval_steps: 10
    ```
    """
    recipe = source.recipe
    if recipe is None or source.faulty & _COUNTED:
        return
    samples = source.data.training_samples if source.data else 0
    if not samples and not recipe.max_steps:
        return
    run = plan(recipe, rows(recipe, samples, source.data.tokens if source.data else None))
    if run.total_steps < 1:
        return
    if run.total_steps < _FEWEST and samples >= _WORTH_IT:
        yield _few(source, recipe, samples, run.total_steps)
    key = "warmup_steps" if recipe.warmup_steps is not None else "warmup_ratio"
    if key in source.values and run.warmup_steps >= run.total_steps:
        message = (
            f"The warm-up of {_steps(run.warmup_steps)} never ends: the run has {_steps(run.total_steps)}. "
            f"Take {max(run.total_steps // 20, 1)}, or warmup_ratio: 0.05."
        )
        yield RecipeProblem(message, source.range_of((key,)))
    for key, every, what in (
        ("eval_steps", run.eval_every, "evaluation"),
        ("save_steps", run.save_every, "checkpoint"),
    ):
        if run.total_steps <= _FEWEST and key == "save_steps":
            continue  # a trial: nobody wants to go on with it from a checkpoint
        if key in source.values and every is not None and every > run.total_steps:
            message = (
                f"The first {what} would come after {_steps(every)}, and the run has {_steps(run.total_steps)}. "
                f"Take {max(run.total_steps // 5, 1)}, for about five of them."
            )
            yield RecipeProblem(message, source.range_of((key,)))


def _few(source: RecipeSource, recipe: Recipe, samples: int, steps: int) -> RecipeProblem:
    """Shown at what makes the steps few, if the recipe says any of it."""
    batch = recipe.micro_batch_size * recipe.gradient_accumulation_steps
    if recipe.max_steps:
        message = f"max_steps: {steps} is too short a run to learn from: {_FEWEST} steps at the least."
        return RecipeProblem(message, source.range_of(("max_steps",)))
    keys = ("gradient_accumulation_steps", "micro_batch_size", "num_epochs")
    key = next((key for key in keys if key in source.values and getattr(recipe, key) > 1), None)
    message = (
        f"{samples:,} samples in batches of {batch} make {_steps(steps)} in all, too few to learn from. "
        "Take smaller batches (micro_batch_size, gradient_accumulation_steps)"
    )
    more = ", or more epochs." if recipe.num_epochs < 3 else "."
    return RecipeProblem(message + more, source.range_of((key,)) if key else source.first_line)


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count:,} steps"
