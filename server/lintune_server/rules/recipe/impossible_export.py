from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import RecipeProblem
from lintune_server.lint.rule import recipe_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.samples import Path
    from lintune_server.lint.recipe_source import RecipeSource

_UNQUANTIZED = ("f16", "bf16")
_BLOCK = 32
"""Values that are quantized together at least. llama.cpp leaves tensors whose rows are no multiple of it in f16."""
_SUPER_BLOCK = 256
"""Values that k-quants quantize together (QK_K in ggml). Where rows are no multiple of it, llama.cpp takes another type
for that tensor: q4_0 in place of 2 and 3 bits, q5_0 in place of q4_k, and so on up to q8_0."""
_FEW_BITS = ("q2_k", "q3_k_s", "q3_k_m", "q3_k_l")


@recipe_rule("RC621", Severity.ERROR)
def impossible_export(source: RecipeSource) -> Iterator[RecipeProblem]:
    """
    ## What it does
    Reports what cannot be exported of the base model on this machine: any GGUF file of an architecture that llama.cpp's
    converter does not know; a quantization where no row of the model fits into llama.cpp's blocks of 32 values, so that
    all of it would stay in f16. 2 and 3 bits need rows that are a multiple of 256 values: elsewhere llama.cpp writes
    `q4_0` for most of the model, which is information.

    ## Why it hurts
    The run trains to its end, and then has nothing to show, or a file much larger than its name promises.

    ## Example
    ```yaml
    base_model: smollm2-135m-instruct
    lintune:
      export: {gguf: [q2_k]}
    ```

    ## Use instead
    ```yaml
    base_model: smollm2-135m-instruct
    lintune:
      export: {gguf: [q4_k_m]}
    ```
    """
    recipe, model = source.recipe, source.model
    values = source.mapping.value if source.mapping else {}
    if recipe is None or model is None or not recipe.lintune.export.gguf:
        return
    section = values.get("lintune")
    export = section.get("export") if isinstance(section, dict) else None
    listed = export.get("gguf") if isinstance(export, dict) else None
    if model.class_name is not None and model.class_name not in _convertible():
        named: Path = ("lintune", "export", "gguf") if listed else ("base_model",)
        yield RecipeProblem(
            f"llama.cpp's converter does not know {model.class_name}, so no GGUF file can be written of this model. To "
            "train without one, set lintune.export.gguf to [].",
            source.range_of(named),
        )
        return
    unknown = {fault.path for fault in source.faults}  # RC603 says so
    rows = {into for into, _ in model.linear_modules.values()}
    for index, name in enumerate(listed if isinstance(listed, list) else ()):
        if not isinstance(name, str) or name in _UNQUANTIZED or not rows:
            continue
        place = ("lintune", "export", "gguf", index)
        if place in unknown:
            continue
        if all(row % _BLOCK for row in rows):
            yield RecipeProblem(
                f"{name} cannot be made of this model: its rows of {min(rows)} values are no multiple of {_BLOCK}, so "
                "llama.cpp would leave all of it in f16. Export f16.",
                source.range_of(place),
            )
        elif name in _FEW_BITS and model.hidden_size % _SUPER_BLOCK:
            yield RecipeProblem(
                f"Most of this model would be written as q4_0: llama.cpp has {name} only for rows of a multiple of "
                f"{_SUPER_BLOCK} values, and this model's have {model.hidden_size}.",
                source.range_of(place),
                severity=Severity.INFO,
            )


@cache
def _convertible() -> frozenset[str]:
    """transformers' classes that llama.cpp's converter knows."""
    return frozenset(files("lintune_schemas").joinpath("gguf_architectures.txt").read_text(encoding="utf-8").split())
