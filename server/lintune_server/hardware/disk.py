"""How much disk a run writes, with everything that it leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from lintune_schemas.plan import CHECKPOINTS_KEPT
from lintune_server.hardware import activations

if TYPE_CHECKING:
    from lintune_schemas.model_facts import ModelFacts
    from lintune_schemas.recipe import Recipe

BITS = {
    "f32": 32.0,
    "f16": 16.0,
    "bf16": 16.0,
    "q8_0": 8.5,
    "q6_k": 6.56,
    "q5_k_m": 5.7,
    "q5_k_s": 5.5,
    "q5_0": 5.5,
    "q5_1": 6.0,
    "q4_k_m": 4.85,
    "q4_k_s": 4.6,
    "q4_0": 4.5,
    "q4_1": 5.0,
    "q3_k_m": 3.9,
    "q2_k": 3.2,
}
"""Bits a parameter of llama.cpp's quantizations (its `quantize` README, Llama 3.1 8B). Others: 5."""


@dataclass(frozen=True, slots=True)
class Written:
    """Bytes, by what they are."""

    checkpoints: int
    adapter: int
    merged: int
    exports: int

    @property
    def total(self) -> int:
        return sum(self.parts.values())

    @property
    def parts(self) -> dict[str, int]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


def written(recipe: Recipe, facts: ModelFacts) -> Written | None:
    """What a run writes beside the recipe. None for a training that is not built in."""
    if recipe.adapter is None or not facts.linear_modules:
        return None
    adapted = activations.targets(recipe, facts)
    adapter = 4 * facts.layers * recipe.lora_r * sum(into + out for into, out in adapted.values())
    kept = recipe.save_total_limit or CHECKPOINTS_KEPT
    # The adapter for PEFT and for llama.cpp, two averages of AdamW; a new one is whole before an old one goes.
    checkpoints = (kept + 1) * 4 * adapter
    if not recipe.lintune.export.gguf:
        return Written(checkpoints, 2 * adapter, 0, 0)
    whole = 2 * facts.parameters  # models are published, merged and converted in 16 bits
    others = sum(BITS.get(name, 5.0) for name in recipe.lintune.export.gguf if name != "f16")
    return Written(checkpoints, 2 * adapter, whole, whole + round(facts.parameters * others / 8))
