"""Whether the merged weights are those of the base model plus the adapter."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from peft import LoraConfig
from peft.utils.other import get_pattern_key
from safetensors import safe_open

from lintune_schemas import model_heads
from lintune_schemas.events import Check, Link

if TYPE_CHECKING:
    from pathlib import Path

_NAME = "merged weights"
_ROWS = 64
"""Of each matrix, from all over it."""
_ROUNDING = {torch.float32: 2.0**-22, torch.float16: 2.0**-10, torch.bfloat16: 2.0**-7}
"""Relative to base and change together: twice what one rounding loses, since a merge may add in another order."""
_TOLERATED = 1e-3
"""Of the numbers: those next to nothing, below what the format can hold, round by more."""


def is_base_plus_adapter(weights: Path, adapter: Path, merged: Path) -> Check:
    """Recompute rows of every adapted matrix from the base model's folder and the PEFT adapter.

    What an adapter has beside pairs of matrices (modules that are trained whole, magnitudes of DoRA) is left out.
    """
    settings = LoraConfig.from_pretrained(str(adapter)).to_dict()
    pairs = _pairs(adapter)
    base, sums = _Weights(weights), _Weights(merged)
    compared, scales = 0, []
    for module, (down, up) in pairs.items():
        if settings["use_dora"] or not (base.has(module) and sums.has(module)):
            continue
        scale = _scale(settings, module, len(down))
        rows = torch.linspace(0, len(up) - 1, min(_ROWS, len(up))).long().tolist()
        before, after = base.rows(module, rows), sums.rows(module, rows)
        change = up[rows] @ down
        if change.shape != before.shape:
            continue  # of a layer that keeps its matrix transposed
        wanted = before.float() + scale * change
        allowed = _ROUNDING[after.dtype] * (before.float().abs() + (scale * change).abs()) + 1e-9
        compared += 1
        found = float(((after.float() - before.float()) * change).sum() / change.square().sum().clamp_min(1e-30))
        if change.abs().max() > 0:
            scales.append(found / scale)
        if float(((after.float() - wanted).abs() > allowed).float().mean()) > _TOLERATED:
            return _differs(module, before.float(), after.float(), change, scale, found)
    words = f"{compared} matrices are the base model's plus the adapter, rounded once"
    typical = sorted(scales)[len(scales) // 2] if scales else 1.0
    return Check(_NAME, True, words, file=merged.name, figures={"matrices": compared, "scale": typical})


def _differs(
    module: str, before: torch.Tensor, after: torch.Tensor, change: torch.Tensor, scale: float, found: float
) -> Check:
    rest = after - before - found * change
    figures = {"scale": found / scale, "scale_limit": 1.0}
    if float(rest.norm()) < 0.1 * float((after - before).norm()) + 1e-2 * float((scale * change).norm()):
        detail = (
            f"the merge scale is wrong: {module} has {found / scale:.3g} times the adapter in it (scale {found:.4g}, "
            f"trained with {scale:.4g})"
        )
    else:
        detail = f"{module} is not the base model's matrix plus the adapter's"
    return Check(_NAME, False, detail, Link.WEIGHTS, "merged", figures)


def _scale(settings: dict[str, Any], module: str, rank: int) -> float:
    """What PEFT multiplies the product of both matrices by."""
    alphas = settings["alpha_pattern"]
    alpha = alphas.get(get_pattern_key(list(alphas), module), settings["lora_alpha"])
    return float(alpha) / (math.sqrt(rank) if settings["use_rslora"] else rank)


def _pairs(adapter: Path) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """By module, [rank, in] and [out, rank] in fp32."""
    found = {}
    with safe_open(adapter / "adapter_model.safetensors", framework="pt") as file:
        names = set(file.keys())
        for name in sorted(names):
            module, down, _ = name.partition(".lora_A.weight")
            if down and f"{module}.lora_B.weight" in names:
                pair = (file.get_tensor(name).float(), file.get_tensor(f"{module}.lora_B.weight").float())
                found[module.removeprefix("base_model.model.")] = pair
    return found


class _Weights:
    """The safetensors of a model, by the names of modules."""

    def __init__(self, folder: Path) -> None:
        self._files: dict[str, tuple[Any, str]] = {}
        for path in model_heads.safetensors_of(folder):
            file: Any = safe_open(path, framework="pt")
            names: list[str] = file.keys()
            self._files |= {_settled(name): (file, name) for name in names}

    def has(self, module: str) -> bool:
        return _settled(f"{module}.weight") in self._files

    def rows(self, module: str, rows: list[int]) -> torch.Tensor:
        file, name = self._files[_settled(f"{module}.weight")]
        part = file.get_slice(name)
        return torch.cat([part[row : row + 1] for row in rows])


def _settled(name: str) -> str:
    """A name without the parts that a checkpoint may have elsewhere than the model made of it, or not at all."""
    return ".".join(part for part in name.split(".") if part not in ("model", "language_model"))
