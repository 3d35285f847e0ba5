from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.hardware import disk
from lintune_server.hardware.words import size
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import RecipeProblem
from lintune_server.lint.rule import recipe_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.recipe_source import RecipeSource


@recipe_rule("HW703", Severity.ERROR)
def too_little_disk(source: RecipeSource) -> Iterator[RecipeProblem]:
    """
    ## What it does
    Reports when less disk is free beside the recipe than a run writes: checkpoints, the merged weights, and the
    exported files.

    ## Why it hurts
    The disk is full when the training is over and the export begins: the hours before it were in vain.

    ## Example
    With 20 GB free:
    ```yaml
    base_model: Qwen/Qwen2.5-7B-Instruct
    lintune:
      export: {gguf: [q4_k_m, q8_0]}
    ```

    ## Use instead
    ```yaml
    base_model: Qwen/Qwen2.5-1.5B-Instruct
    lintune:
      export: {gguf: [q4_k_m]}
    ```
    """
    recipe, facts, free = source.recipe, source.model, source.machine.disk
    if recipe is None or facts is None or free is None:
        return
    found = disk.written(recipe, facts)
    if found is None or found.total <= free:
        return
    parts = ", ".join(f"{name} {size(count)}" for name, count in found.parts.items() if count >= found.total / 20)
    yield RecipeProblem(
        f"A run writes about {size(found.total)} ({parts}), and {size(free)} are free. "
        "Make room, or leave out exports.",
        source.range_of(("base_model",)),
    )
