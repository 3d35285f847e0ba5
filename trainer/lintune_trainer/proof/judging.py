"""From measured agreement to checks: the limits, with their reasons, and what is broken where one is passed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import torch

from lintune_schemas.events import Check, Link

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lintune_trainer.proof.agreement import Agreement

_F16_KL = {torch.float32: 1e-3, torch.bfloat16: 3e-2}
_F16_TOP1 = {torch.float32: 0.99, torch.bfloat16: 0.95}
"""By the dtype that transformers computes in: the mean divergence in nats at most, the share of equal first choices at
least. Measured on SmolLM2-135M: 1e-6 and 99.9 % with fp32."""

_ADAPTER_KL = {False: 1e-3, True: 5e-2}
_ADAPTER_TOP1 = {False: 0.99, True: 0.9}
"""Of the adapter on the base model, by whether that is quantized, or the merged model lacks a part of the adapter:
what is small beside a weight in 16 bits is rounded away when it is merged, after three steps of training a quarter of
it, and the two were 1.8e-2 and 91 % apart. llama.cpp rounds what it multiplies with quantized
weights to 8 bits, and so gives other logits with the very same weights. Measured on the demo run: 2e-5 and 99.9 %
on F16; 9e-4 and 98.2 % on the Q4_1 file whose numbers the merged model was made of; 1.7e-3 and 97.7 % on a Q8_0 copy,
which is as far as a Q8_0 copy of the merged model itself is (1.2e-3 and 98.4 %). Without the adapter it is above 1."""

_ROUNDED_AWAY = 0.02
"""The share of an adapter that is missed in the merged weights before that is allowed for."""

_QUANTIZED = ((8, 1.1, 0.9), (5.5, 1.15, 0.8), (4, 1.5, 0.65), (0, 3.0, 0.4))
"""From so many bits a weight of the layers on: the perplexity of the trained tokens over that of F16 at most, the share
of equal first choices at least. Measured on the demo run, whose prompts are far from what its model writes: 1.000 and
98 % with q8_0, 1.000 and 97 % with q6_k, 1.001 and 95 % with q5_k_m, 1.001 and 91 % with q4_k_m, 1.002 and 90 % with
q4_0, 1.005 and 88 % with iq4_nl, 1.17 and 75 % with q4_1, 1.01 and 85 % with q3_k_m; of a model that has not learned
them, 1.03 and 95 % with q8_0. The limits are for what answers no longer as it was trained, two to three times as far
off as that; a damaged tensor is found by its numbers."""


def of_f16(gguf: Path, found: Agreement, dtype: torch.dtype, causes: Sequence[Check]) -> Check:
    check = _compared(
        f"logits of {gguf.name}", gguf, found, _F16_KL[dtype], _F16_TOP1[dtype], "the merged model", Link.WEIGHTS
    )
    return explained(check, causes)


def of_adapter(gguf: Path, found: Agreement, *, quantized: bool, merged: Check) -> Check:
    """merged: the check of the merged weights, which are what is compared with."""
    rough = quantized or abs(merged.figures.get("scale", 1.0) - 1) > _ROUNDED_AWAY
    limits = _ADAPTER_KL[rough], _ADAPTER_TOP1[rough]
    check = _compared(f"{gguf.name} on the base model", gguf, found, *limits, "the merged model", Link.ADAPTER)
    if check.ok or merged.ok:
        return check
    detail = f"{check.detail}; it is the merged model that is wrong: {merged.detail}"
    return msgspec.structs.replace(check, detail=detail, link=merged.link, file=merged.file)


def broken(gguf: Path, error: Exception, link: Link = Link.FORMAT) -> Check:
    detail = f"the file is damaged, cut short or of another model: {str(error).rstrip('.')}"
    return Check(f"{gguf.name} loads", False, detail, link, gguf.name)


def of_quantization(gguf: Path, found: Agreement, bits: float, causes: Sequence[Check]) -> Check:
    """bits: a weight of the layers, scales included."""
    ratio_limit, top1_limit = next(limits for least, *limits in _QUANTIZED if bits >= least)
    ok = found.perplexity_ratio <= ratio_limit and _reached(found, top1_limit)
    figures = _figures(found) | {
        "bits": bits,
        "perplexity_ratio": found.perplexity_ratio,
        "perplexity_ratio_limit": ratio_limit,
        "top1_limit": top1_limit,
    }
    detail = (
        f"perplexity {found.perplexity_ratio:.3f} times that of F16 ({ratio_limit:.2f} at most), the same first choice "
        f"at {found.top1:.1%} of {found.positions:,} positions ({top1_limit:.0%} at least)"
    )
    check = Check(f"quantization of {gguf.name}", ok, detail, None if ok else Link.QUANTIZATION, gguf.name, figures)
    return explained(check, causes)


def _compared(name: str, gguf: Path, found: Agreement, kl: float, top1: float, with_: str, link: Link) -> Check:
    ok = found.kl_mean <= kl and _reached(found, top1)
    detail = (
        f"{found.positions:,} positions are {found.kl_mean:.1e} nats from {with_} on average ({kl:.0e} at most), "
        f"99 % within {found.kl_99:.1e}; the same first choice at {found.top1:.2%} ({top1:.0%} at least)"
    )
    figures = _figures(found) | {"kl_mean_limit": kl, "top1_limit": top1}
    return Check(name, ok, detail, None if ok else link, gguf.name, figures)


def _reached(found: Agreement, top1: float) -> bool:
    """Whether the share of equal first choices may be `top1`: of few positions a share is not known better than to
    three standard errors of a sample of that size."""
    return found.top1 >= top1 - 3 * math.sqrt(top1 * (1 - top1) / found.positions)


def _figures(found: Agreement) -> dict[str, float]:
    return {
        "positions": found.positions,
        "kl_mean": found.kl_mean,
        "kl_99": found.kl_99,
        "kl_max": found.kl_max,
        "top1": found.top1,
        "perplexity": found.other_perplexity,
    }


def explained(check: Check, causes: Sequence[Check]) -> Check:
    """A check of what a model says, that failed, with what was found broken before; that is why it fails."""
    if check.ok:
        return check
    if causes:
        cause = causes[0]
        detail = f"{check.detail}; because {cause.detail}"
        return msgspec.structs.replace(check, link=cause.link, detail=detail)
    if check.link is Link.WEIGHTS:
        words = (
            "tokens, configuration and weights are those of the merged model, so llama.cpp computes otherwise than "
            "transformers does"
        )
        return msgspec.structs.replace(check, detail=f"{check.detail}; {words}")
    return check
