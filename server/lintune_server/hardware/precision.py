"""Which number format a training computes in on a machine: what the trainer decides (`lintune_trainer/device.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from lintune_schemas.recipe import Recipe
    from lintune_server.hardware.machine import Machine

Format = Literal["bf16", "fp16", "fp32"]


@dataclass(frozen=True, slots=True)
class Precision:
    gpu: bool
    """Whether the training runs on an accelerator."""
    format: Format
    """Of the base model's weights, and of what is computed from 4-bit ones."""

    @property
    def bytes(self) -> int:
        """A number takes."""
        return 4 if self.format == "fp32" else 2

    @property
    def mixed(self) -> bool:
        """Whether the adapter's fp32 matrices are multiplied in `format` (autocast), as on GPUs."""
        return self.gpu and self.format != "fp32"


def choose(recipe: Recipe, machine: Machine) -> Precision:
    """What the trainer would choose for a recipe on a machine."""
    device = machine.device
    if device is None:
        if recipe.bf16 is False and not recipe.fp16:
            return Precision(False, "fp32")
        fast = recipe.bf16 in (True, "full") or machine.processor.fast_bf16
        return Precision(False, "bf16" if fast else "fp32")
    if recipe.fp16:
        return Precision(True, "fp16")
    if recipe.bf16 is False:
        return Precision(True, "fp32")
    return Precision(True, "fp16" if device.bf16 is False else "bf16")
