"""LoRA layers on a CPU: the base's product and the adapter's in one step, in the base's number format.

PEFT computes an adapter in fp32 beside a base in bf16: it copies the input of each module to fp32, multiplies at less
than half the speed, and autograd keeps the copies. Here the adapter is multiplied in the base's format, as on a GPU
with autocast, and stays in fp32 where it is updated.
"""

from __future__ import annotations

from types import MethodType
from typing import Any

import bitsandbytes as bnb
import torch
from peft.tuners.lora import Linear, Linear4bit
from torch.nn.functional import linear


def join(model: Any) -> None:
    """Let the LoRA layers of a PEFT model compute in one step, those on linear modules."""
    for module in model.modules():
        if type(module) in (Linear, Linear4bit) and type(module.base_layer) in (torch.nn.Linear, bnb.nn.Linear4bit):
            module.forward = MethodType(_forward, module)


def _forward(self: Any, x: torch.Tensor, *args: Any, **words: Any) -> torch.Tensor:
    """What PEFT's layer gives. For whatever is unusual there is its own method."""
    names = self.active_adapters
    usual = len(names) == 1 and names[0] in self.lora_A and not (self.disable_adapters or self.merged or args or words)
    if not usual or self.lora_variant or self.lora_bias[names[0]] or torch.is_autocast_enabled(x.device.type):
        result: torch.Tensor = type(self).forward(self, x, *args, **words)
        return result
    name, base = names[0], self.base_layer
    down, up, scale, dropout = self.lora_A[name].weight, self.lora_B[name].weight, self.scaling[name], self.lora_dropout
    if not self.training or isinstance(dropout[name], torch.nn.Identity):
        joined: torch.Tensor = _Joined.apply(x, base.weight, base.bias, down, up, scale)  # type: ignore[no-untyped-call]
        return joined
    beside = linear(linear(dropout[name](x), down.to(x.dtype)), (up * scale).to(x.dtype))
    whole: torch.Tensor = base(x) + beside
    return whole


def _multiplied(weight: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """A frozen weight as it is multiplied."""
    if isinstance(weight, bnb.nn.Params4bit):
        return bnb.functional.dequantize_4bit(weight.data, weight.quant_state).to(dtype)  # type: ignore[no-any-return]
    return weight


class _Joined(torch.autograd.Function):
    """x W' + b + s (x A') B' with W and b frozen: [..., in] to [..., out]."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        down: torch.Tensor,
        up: torch.Tensor,
        scale: float,
    ) -> torch.Tensor:
        rows = x.reshape(-1, x.shape[-1])
        inner = rows @ down.to(x.dtype).t()
        result = linear(rows, _multiplied(weight, x.dtype), bias)
        result.addmm_(inner, (up * scale).to(x.dtype).t())
        ctx.save_for_backward(rows, inner, down, up)
        ctx.weight, ctx.scale = weight, scale
        return result.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        rows, inner, down, up = ctx.saved_tensors
        rest = gradient.reshape(len(rows), -1)
        of_inner = rest @ (up * ctx.scale).to(rest.dtype)
        of_up = (rest.t() @ inner).to(up.dtype) * ctx.scale
        of_down = (of_inner.t() @ rows).to(down.dtype)
        of_x = None
        if ctx.needs_input_grad[0]:
            of_x = rest @ _multiplied(ctx.weight, rest.dtype)
            of_x.addmm_(of_inner, down.to(rest.dtype))
            of_x = of_x.view(*gradient.shape[:-1], -1)
        return of_x, None, None, of_down, of_up, None
