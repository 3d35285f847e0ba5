"""How fast a training goes. An estimate with a range: what a machine does depends on more than can be looked up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintune_server.hardware import activations, precision

if TYPE_CHECKING:
    from lintune_schemas.model_facts import ModelFacts
    from lintune_schemas.recipe import Recipe
    from lintune_server.hardware.machine import Machine


@dataclass(frozen=True, slots=True)
class Seconds:
    """An estimate, and between what it is likely to lie."""

    likely: float
    least: float
    most: float


_CPU_SPREAD = 2.0
"""A CPU's clock, caches, memory channels and neighbours: up to twice as fast or as slow as the class it is of."""
_CPU_RATES = {"avx512": 60e9, "avx2": 30e9, "other": 12e9}
"""Operations a second and core. With AVX-512: 220 tokens/s of SmolLM2-135M on two cores of an EPYC 9004 in bf16, 185 in
fp32 (QLoRA and LoRA, rank 16, all linear layers; `benchmarks/memory.py` prints them). Without: that halved, for half
as wide registers; and a product in plain fp32 code."""
_GPU_UTILIZATION = (0.15, 0.3, 0.5)
"""Share of the peak that such a training reaches, at least, likely and at most: small batches, padding and adapters
without fused kernels keep it low. PaLM's report (Chowdhery et al. 2022, table 3) has 21 % for GPT-3 and 46 % for
itself, both with hand-tuned code."""


def seconds(
    recipe: Recipe, facts: ModelFacts, machine: Machine, tokens: int, evaluated: int, trained: int
) -> Seconds | None:
    """For a training that reads so many tokens and learns some of them, and evaluations that read so many.

    None where the speed of the device is not known.
    """
    rate = _operations_per_second(recipe, machine)
    if rate is None:
        return None
    operations = _training(recipe, facts, tokens, trained) + 2 * facts.parameters * evaluated
    likely, low, high = (operations / one for one in rate)
    return Seconds(likely, low, high)


def _training(recipe: Recipe, facts: ModelFacts, tokens: int, trained: int) -> float:
    """Floating-point operations (counted as in Kaplan et al. 2020, section 2.1).

    A product with a matrix of n numbers takes 2n a token, forward; 2n again for the gradient of its input; and 2n for
    that of the matrix, which only the adapter has. What is recomputed counts twice. Attention's own products are left
    out: of samples shorter than six times the hidden size, they are less than the rest by far.
    """
    linear = facts.layers * sum(into * out for into, out in facts.linear_modules.values())
    adapted = activations.targets(recipe, facts)
    adapter = facts.layers * recipe.lora_r * sum(into + out for into, out in adapted.values())
    head = facts.vocabulary_size * facts.hidden_size
    passes = 3 if recipe.gradient_checkpointing else 2
    return tokens * (2 * passes * linear + 6 * adapter) + trained * 4 * head


def _operations_per_second(recipe: Recipe, machine: Machine) -> tuple[float, float, float] | None:
    """The likely rate, the highest, and the lowest."""
    on = precision.choose(recipe, machine)
    if machine.device is not None:
        peak = machine.device.tera_operations
        if peak is None:
            return None
        low, likely, high = _GPU_UTILIZATION
        tera = peak * 1e12 * (0.5 if on.format == "fp32" else 1.0)
        return tera * likely, tera * high, tera * low
    likely = _CPU_RATES[_class(machine)] * machine.processor.cores
    return likely, likely * _CPU_SPREAD, likely / _CPU_SPREAD


def _class(machine: Machine) -> str:
    found = machine.processor.instructions
    if machine.processor.fast_bf16:
        return "avx512"
    return "avx2" if "avx2" in found or machine.system == "Darwin" else "other"
