from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.hardware import fitting
from lintune_server.hardware.estimate import estimate
from lintune_server.hardware.words import span, time
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import RecipeProblem
from lintune_server.lint.rule import recipe_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.recipe_source import RecipeSource

_LONG = 3600
"""Seconds. Up to an hour is a break; a run that takes longer is one to plan for."""


@recipe_rule("HW702", Severity.WARNING)
def slow_without_gpu(source: RecipeSource) -> Iterator[RecipeProblem]:
    """
    ## What it does
    Reports a training that takes more than about an hour because there is no GPU to train on.

    ## Why it hurts
    The loop of editing a sample and seeing what the model makes of it becomes one of days.

    ## Example
    On four cores, with 5,000 samples:
    ```yaml
    base_model: Qwen/Qwen2.5-1.5B-Instruct
    num_epochs: 3
    ```

    ## Use instead
    ```yaml
    base_model: HuggingFaceTB/SmolLM2-135M-Instruct
    num_epochs: 1
    ```
    """
    recipe, machine = source.recipe, source.machine
    if recipe is None or machine.device is not None or not fitting.judged(recipe):
        return
    facts = source.model
    if facts is None or source.data is None:
        return
    found = estimate(recipe, facts, source.data, machine).seconds
    if found is None or found.likely <= _LONG:
        return
    unused = next((device for device in machine.devices if device.hindrance), None)
    why = f"{unused.name} is not used. {unused.hindrance} " if unused else "There is no GPU. "
    yield RecipeProblem(
        f"{why}On this CPU the training takes about {time(found.likely)} ({span(found.least, found.most)}). "
        "Fewer epochs or samples, or a smaller base_model, take less.",
        source.range_of(("base_model",)),
    )
