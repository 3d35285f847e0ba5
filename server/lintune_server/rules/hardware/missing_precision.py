from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas.plan import GPU_OPTIMIZERS, OPTIMIZERS
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import RecipeProblem
from lintune_server.lint.rule import recipe_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.recipe import Recipe
    from lintune_server.hardware import Device
    from lintune_server.lint.recipe_source import RecipeSource

_FLASH_ATTENTION = (8, 0)
"""Flash attention 2 needs Ampere or newer (its README, “NVIDIA CUDA support”)."""


@recipe_rule("HW704", Severity.WARNING)
def missing_precision(source: RecipeSource) -> Iterator[RecipeProblem]:
    """
    ## What it does
    Reports a number format or a kernel that a recipe asks for and this machine's device does not have.

    ## Why it hurts
    Axolotl stops with an error. The built-in trainer takes what there is instead, which may be slower or less exact
    than what the recipe was made for.

    ## Example
    On a Tesla T4:
    ```yaml
    bf16: true
    attn_implementation: flash_attention_2
    ```

    ## Use instead
    ```yaml
    bf16: auto
    attn_implementation: sdpa
    ```

    ## Fix
    Sets what the device has. Safe.
    """
    recipe, device = source.recipe, source.machine.device
    if recipe is None:
        return
    if device is None:
        yield from _on_the_cpu(source, recipe)
    else:
        yield from _on_a_gpu(source, recipe, device)


def _on_the_cpu(source: RecipeSource, recipe: Recipe) -> Iterator[RecipeProblem]:
    known = source.machine.processor.instructions
    if recipe.bf16 is True and known and not source.machine.processor.fast_bf16:
        yield _auto(source, "bf16: true: this CPU multiplies in bf16 four times slower than in fp32. Write auto.")
    if recipe.fp16:
        message = "fp16: true needs a GPU; on this CPU the training computes in bf16 or fp32."
        yield RecipeProblem(message, source.range_of(("fp16",)), "Set it to false", "false")
    if recipe.optimizer in GPU_OPTIMIZERS:
        yield RecipeProblem(
            f"{recipe.optimizer} needs a GPU; on this CPU {OPTIMIZERS[0]} is used.",
            source.range_of(("optimizer",)),
            severity=Severity.INFO,
        )


def _on_a_gpu(source: RecipeSource, recipe: Recipe, device: Device) -> Iterator[RecipeProblem]:
    if recipe.bf16 is True and device.bf16 is False:
        yield _auto(source, f"{device.name} does not compute in bf16; fp16 is used. Write auto.")
    if recipe.load_in_4bit and device.four_bit is False:
        message = f"{device.name} is too old for 4-bit weights. Set load_in_4bit: false and adapter: lora."
        yield RecipeProblem(message, source.range_of(("load_in_4bit",)))
    attention = source.values.get("attn_implementation")
    too_old = device.capability is not None and device.capability < _FLASH_ATTENTION
    if too_old and isinstance(attention, str) and attention.startswith("flash_attention"):
        message = f"{device.name} is too old for flash attention. Use sdpa."
        yield RecipeProblem(message, source.range_of(("attn_implementation",)), "Set it to sdpa", "sdpa")


def _auto(source: RecipeSource, message: str) -> RecipeProblem:
    return RecipeProblem(message, source.range_of(("bf16",)), "Set it to auto", "auto")
