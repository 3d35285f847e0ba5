from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import RecipeProblem
from lintune_server.lint.rule import recipe_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.recipe_source import RecipeSource

_HIGHEST = 2e-4
"""The rate of the QLoRA paper for models up to 13B (Dettmers et al. 2023, table 9), and the usual upper end since."""
_WRECKS = 1e-3
_LOWEST = 1e-6
_LOW_RANK = ("lora", "qlora")
_OWN_SCALE = ("muon", "muon_8bit", "dion", "polora", "sinkgd", "prodigy", "sgd")
"""Optimizers whose rates have another scale: Muon's usual one is 0.02 (Jordan et al. 2024), Prodigy's 1."""
_TRIAL = 100
"""Steps of a run that only tries things out, as Axolotl's benchmarks do."""


@recipe_rule("RC610", Severity.WARNING)
def learning_rate(source: RecipeSource) -> Iterator[RecipeProblem]:
    """
    ## What it does
    Reports a `learning_rate` over 2e-4 with a low-rank adapter (an error over 1e-3, but for runs of at most 100 steps),
    and one under 1e-6. Optimizers whose rates have another scale, such as Muon, are left alone.

    ## Why it hurts
    Too high, and the adapter overwrites what the model knew: the loss jumps, answers turn into repetition. Too low, and
    the run ends before anything was learned.

    ## Example
    ```yaml
    adapter: qlora
    learning_rate: 0.0005
    ```

    ## Use instead
    ```yaml
    adapter: qlora
    learning_rate: 2.0e-4
    ```

    ## Fix
    Sets it to 2.0e-4. Safe.
    """
    if source.mapping is None:
        return
    rate = source.mapping.value.get("learning_rate")
    if isinstance(rate, str) and source.recipe is not None:  # 1e-2
        rate = source.recipe.learning_rate
    if isinstance(rate, bool) or not isinstance(rate, int | float):
        return
    if source.mapping.value.get("optimizer") in _OWN_SCALE:
        return
    place = source.range_of(("learning_rate",))
    low_rank = source.mapping.value.get("adapter") in _LOW_RANK
    if rate > _WRECKS or (rate > _HIGHEST and low_rank):
        subject = "with a low-rank adapter" if low_rank else "in fine-tuning"
        steps = source.mapping.value.get("max_steps")
        trial = isinstance(steps, int) and 0 < steps <= _TRIAL
        severity = Severity.ERROR if rate > _WRECKS and not trial else None
        effect = "wrecks the model" if rate > _WRECKS else "is likely to damage the model"
        yield RecipeProblem(
            f"A learning rate of {rate:g} {effect}: {subject}, stay at or under {_HIGHEST:g}.",
            place,
            "Set it to 2.0e-4",
            "2.0e-4",
            severity,
        )
    elif 0 < rate < _LOWEST:
        yield RecipeProblem(f"A learning rate of {rate:g} is so low that almost nothing is learned.", place)
