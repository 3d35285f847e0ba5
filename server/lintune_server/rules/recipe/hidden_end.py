from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import RecipeProblem
from lintune_server.lint.rule import recipe_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.samples import Path
    from lintune_server.lint.recipe_source import RecipeSource


@recipe_rule("RC616", Severity.WARNING)
def hidden_end(source: RecipeSource) -> Iterator[RecipeProblem]:
    """
    ## What it does
    Reports `train_on_eos: none`, which hides the token that ends an answer from the loss, and says so when the same
    token pads: then it is hidden everywhere. Of a model folder whose tokenizer has no pad token it is no more than a
    hint: Axolotl pads with EOS then, and the built-in trainer hides what pads whatever token it is.

    ## Why it hurts
    A model that is never shown the end of an answer does not learn to stop.

    ## Example
    ```yaml
    datasets:
      - path: data/train.jsonl
        type: chat_template
        train_on_eos: none
    special_tokens:
      pad_token: "<|im_end|>"
    ```

    ## Use instead
    ```yaml
    datasets:
      - path: data/train.jsonl
        type: chat_template
        train_on_eos: turn
    special_tokens:
      pad_token: "<|endoftext|>"
    ```

    ## Fix
    Writes `train_on_eos: turn`. Safe.
    """
    stated = source.values.get("special_tokens")
    stated = stated if isinstance(stated, dict) else {}
    hides = list(_hiding(source))
    for path in hides:
        pad, end = (stated.get(key) or source.special_tokens.get(key) for key in ("pad_token", "eos_token"))
        same = f", and {end} pads, too" if end and (pad or end) == end else ""
        message = (
            f"train_on_eos: none hides the token that ends an answer{same}: in Axolotl the tuned model would not learn "
            "to stop. The built-in trainer trains it all the same. Set train_on_eos: turn."
        )
        yield RecipeProblem(message, source.range_of(path), "Set train_on_eos: turn", "turn")
    local = source.model is not None and source.model.source == "config"
    known = source.special_tokens if local and not hides and not stated.get("pad_token") else {}
    if "eos_token" in known and "pad_token" not in known:
        message = (
            "This model's tokenizer has no pad token, so Axolotl pads with EOS. Name one: special_tokens.pad_token."
        )
        yield RecipeProblem(message, source.range_of(("base_model",)), severity=Severity.HINT)


def _hiding(source: RecipeSource) -> Iterator[Path]:
    for (*entry, _), _ in source.data_paths:
        assert source.root is not None
        values = source.root.at(tuple(entry)).value
        if values.get("train_on_eos") == "none" and values.get("train_on_eot") in (None, "none"):
            yield (*entry, "train_on_eos")
