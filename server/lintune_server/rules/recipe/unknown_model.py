from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas import base_model
from lintune_schemas.base_model import ModelKind
from lintune_schemas.errors import LintuneError
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import RecipeProblem
from lintune_server.lint.rule import recipe_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.recipe_source import RecipeSource

_SMALLEST = 100_000_000
_LARGEST = 8_500_000_000
"""Models called 8B have up to 8.2 billion parameters (Qwen3-8B)."""


@recipe_rule("RC619", Severity.ERROR)
def unknown_model(source: RecipeSource) -> Iterator[RecipeProblem]:
    """
    ## What it does
    Reports a `base_model` that is neither a model folder, nor a GGUF file, nor a hub id, and names those that were
    probably meant: in folders beside the recipe, in the hub's cache, among the starter models. Also a model folder
    without weights. A hub id that is not on this machine is fine, as training downloads it; one that is a starter model
    but for a letter or two is a warning. A model under 0.1B or over 8B parameters is information: Lintune is made for
    those between.

    ## Why it hurts
    Without a base model nothing can be trained, and without its tokenizer the rules of tokens cannot look.

    ## Example
    ```yaml
    base_model: Qwen/Qwen2.5-0.5B-Instuct
    ```

    ## Use instead
    ```yaml
    base_model: Qwen/Qwen2.5-0.5B-Instruct
    ```

    ## Fix
    Writes the name of the model that was meant where it is a hub id with a misspelling. Safe.
    """
    recipe, path = source.recipe, source.path
    if recipe is None or path is None:
        return
    name, place = recipe.base_model, source.range_of(("base_model",))
    try:
        found = base_model.find(name, path.parent)
    except LintuneError as error:
        yield RecipeProblem(str(error).removeprefix("base_model: "), place)
        return
    if found.path is None:
        from lintune_schemas import model_names

        meant = model_names.misspelt(name, path.parent)
        if meant:
            message = f"{name} is not on this machine, and looks like a misspelling of {meant}."
            yield RecipeProblem(message, place, f"Change to {meant}", meant, Severity.WARNING)
            return
    model = source.model
    if model and found.kind is ModelKind.FOLDER and model.weight_bytes is None and not model.pickled_only:
        yield RecipeProblem(
            f"{name} holds no model.safetensors, or not all of its parts. Fetch the model again.", place
        )
        return
    if model and not _SMALLEST <= model.parameters <= _LARGEST:
        size = f"{model.parameters / 1e9:.1f}B" if model.parameters > _LARGEST else f"{model.parameters:,}"
        yield RecipeProblem(
            f"This model has {size} parameters: Lintune is made for models of 0.1B to 8B.",
            place,
            severity=Severity.INFO,
        )
