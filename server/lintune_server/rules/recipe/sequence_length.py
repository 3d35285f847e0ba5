from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import RecipeProblem
from lintune_server.lint.rule import recipe_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.recipe_source import RecipeSource

_FAR = 4
"""Times the longest sample. Twice is room for longer samples to come; the next power of two above that is not."""
_SMALL = 512
"""The default. At or below it there is little to win."""
_STEP = 64
"""Suggested lengths are multiples of this: kernels on GPUs work in tiles of up to 64 tokens."""
_OVERRIDES = ("rope_scaling", "max_position_embeddings")


@recipe_rule("RC614", Severity.ERROR)
def sequence_length(source: RecipeSource) -> Iterator[RecipeProblem]:
    """
    ## What it does
    Reports a `sequence_len` over the base model's context, unless the recipe stretches that (`rope_scaling`). Also one
    of more than four times the longest training sample: a warning with `pad_to_sequence_len`, else only information.
    With `sample_packing` long sequences are filled, and left alone.

    ## Why it hurts
    Positions beyond the context were never trained: what stands there is read as noise, and the loss is poisoned. Far
    over the data's length, `pad_to_sequence_len` makes every step compute and keep mostly padding; without it, one
    stray long sample can take more memory than all the others.

    ## Example
    ```yaml
    base_model: HuggingFaceTB/SmolLM2-360M-Instruct
    sequence_len: 16384
    ```

    ## Use instead
    ```yaml
    base_model: HuggingFaceTB/SmolLM2-360M-Instruct
    sequence_len: 2048
    ```

    ## Fix
    Sets the model's context, or the length of the longest sample rounded up. Safe.
    """
    values = source.mapping.value if source.mapping else {}
    length = values.get("sequence_len")
    if not isinstance(length, int) or isinstance(length, bool) or length <= 0:
        return
    place = source.range_of(("sequence_len",))
    context = source.model.context_length if source.model and not _stretched(values) else None
    if context is not None and length > context:
        yield RecipeProblem(
            f"sequence_len is {length:,}, but the model's context ends at {context:,} tokens.",
            place,
            f"Set it to {context}",
            str(context),
        )
        return
    if length <= _SMALL or values.get("sample_packing") is True:
        return
    data = source.data
    if data is None or not data.longest or length <= _FAR * data.longest:
        return
    enough = -(-data.longest // _STEP) * _STEP
    padded = values.get("pad_to_sequence_len") is True
    cost = " Each is padded to sequence_len, which costs memory and time." if padded else ""
    yield RecipeProblem(
        f"sequence_len is {length:,}, but the longest sample has {data.longest:,} tokens (99 % have at most "
        f"{data.p99:,}): {enough:,} is enough.{cost}",
        place,
        f"Set it to {enough}",
        str(enough),
        Severity.WARNING if padded else Severity.INFO,
    )


def _stretched(values: dict[str, object]) -> bool:
    """Whether the recipe changes the model's context."""
    sections = [values, values.get("overrides_of_model_config"), values.get("model_config")]
    return any(isinstance(section, dict) and section.get(key) for section in sections for key in _OVERRIDES)
