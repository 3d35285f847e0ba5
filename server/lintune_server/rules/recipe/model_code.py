from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import RecipeProblem
from lintune_server.lint.rule import recipe_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.recipe_source import RecipeSource


@recipe_rule("RC620", Severity.ERROR)
def model_code(source: RecipeSource) -> Iterator[RecipeProblem]:
    """
    ## What it does
    Reports `trust_remote_code: true`: an error where the model on this machine comes with Python code, a warning where
    it does not, and information as long as the model is not here. Also a model whose weights are there only as pickles
    (`pytorch_model.bin`).

    ## Why it hurts
    Both run programs that somebody else wrote, with all your rights, as soon as the model is loaded. Lintune never
    does: it reads safetensors and GGUF, and only architectures that transformers itself knows.

    ## Example
    ```yaml
    base_model: owner/model-with-code
    trust_remote_code: true
    ```

    ## Use instead
    ```yaml
    base_model: Qwen/Qwen2.5-1.5B-Instruct
    ```

    ## Fix
    Sets it to false. Safe.
    """
    values = source.mapping.value if source.mapping else {}
    model = source.model
    if values.get("trust_remote_code") is True:
        here = model is not None and model.source != "starter"
        code = here and model is not None and model.custom_code
        severity = None
        if code:
            message = "This model comes with Python code of its own, which trust_remote_code would run."
        elif here:
            message = "This model comes with no Python code, so trust_remote_code is not needed."
            severity = Severity.WARNING
        else:
            message = "trust_remote_code lets Python code that comes with a model run on your machine."
            severity = Severity.INFO
        yield RecipeProblem(
            f"{message} Lintune never runs any.",
            source.range_of(("trust_remote_code",)),
            "Set it to false",
            "false",
            severity,
        )
    if model and model.pickled_only:
        yield RecipeProblem(
            "This model's weights are pickles, which can run code when they are loaded. Save them as safetensors, or "
            "use another copy of the model.",
            source.range_of(("base_model",)),
        )
