from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import RecipeProblem
from lintune_server.lint.rule import recipe_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.model_facts import ModelFacts
    from lintune_schemas.recipe import Recipe
    from lintune_server.lint.recipe_source import RecipeSource

_LEAST, _MOST = 0.5, 4.0
"""lora_alpha over lora_r: what the adapter's product is multiplied by. LoRA's own runs have 1 to 4 (Hu et al. 2021),
QLoRA's 1/4 at a rank of 64 for large models; tools start from 1 or 2."""
_HIGH = 128
"""QLoRA found no gain from rank 8 to 256 once all linear layers are adapted (Dettmers et al. 2023, figure 4)."""


@recipe_rule("RC612", Severity.INFO)
def lora_rank(source: RecipeSource) -> Iterator[RecipeProblem]:
    """
    ## What it does
    Says when `lora_alpha` is under half of `lora_r` or over four times of it (not with `peft_use_rslora`, which scales
    otherwise), and when `lora_r` is over 128. A rank over the smaller side of the smallest matrix that is adapted is an
    error.

    ## Why it hurts
    alpha over r is a second learning rate: far from 1 to 2, what is known of good rates does not hold. A high rank
    costs memory and seldom helps. And a matrix of 192 rows has no rank over 192: what goes beyond is wasted.

    ## Example
    ```yaml
    lora_r: 256
    lora_alpha: 16
    ```

    ## Use instead
    ```yaml
    lora_r: 16
    lora_alpha: 32
    ```
    """
    recipe = source.recipe
    if recipe is None or recipe.adapter is None or source.faulty & {"lora_r", "lora_alpha", "lora_target_modules"}:
        return
    said = source.values
    if "lora_r" in said:
        yield from _rank(source, recipe)
    if "lora_r" in said and "lora_alpha" in said and not recipe.peft_use_rslora:
        ratio = recipe.lora_alpha / recipe.lora_r
        if not _LEAST <= ratio <= _MOST:
            times = "over 4 times" if ratio > _MOST else "under half of"
            message = (
                f"lora_alpha is {times} lora_r: the adapter counts {ratio:.3g} times, as if the learning rate were "
                f"another. Usual is lora_alpha: {2 * recipe.lora_r}."
            )
            yield RecipeProblem(message, source.range_of(("lora_alpha",)))


def _rank(source: RecipeSource, recipe: Recipe) -> Iterator[RecipeProblem]:
    place, rank = source.range_of(("lora_r",)), recipe.lora_r
    if rank <= 1:
        return
    smallest = _smallest(source.model, recipe) if source.model else None
    if smallest and rank > smallest[1]:
        name, side = smallest
        message = (
            f"lora_r: {rank} is over what {name} of this model can have, which is {side}: the rest of the adapter is "
            f"wasted. Take {max(side // 4, 1)} or less."
        )
        yield RecipeProblem(message, place, severity=Severity.ERROR)
    elif rank > _HIGH:
        message = f"lora_r: {rank} costs memory and seldom learns more than 64 does, with all linear layers adapted."
        yield RecipeProblem(message, place)


def _smallest(model: ModelFacts, recipe: Recipe) -> tuple[str, int] | None:
    """The adapted matrix with the smallest side, and that side. None when it depends on a pattern."""
    from lintune_server.hardware.activations import targets  # only where the model is known

    chosen = recipe.lora_target_modules
    if isinstance(chosen, str) and chosen != "all-linear" and not recipe.lora_target_linear:
        return None
    sides = {name: min(shape) for name, shape in targets(recipe, model).items()}
    return min(sides.items(), key=lambda item: item[1]) if sides else None
