"""Attention over samples that stand one behind the other in one row, each seeing itself alone: no padding.

transformers finds it by its name as an attention implementation. What tells it where samples end is `cu_seq_lens_q`,
the argument that flash attention takes for the same purpose. Without it, it is PyTorch's attention as usual.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from lintune_schemas.errors import LintuneError

BY_SAMPLE = "by_sample"
"""The name that models know this implementation by."""

_FLASH = ("flash_attention_2", "flash_attention_3")
_KNOWN = ("eager", "sdpa", "flex_attention", *_FLASH)
"""What recipes may ask for. By any other name transformers would fetch code from the hub, and run it."""

_SHORT = 224
"""Up to so many tokens, on CPUs, products of whole matrices are faster than PyTorch's blockwise kernel, forward and
backward together: 0.8 against 1.9 ms at 50 tokens, 4.5 against 7.4 ms at 200, as much at 276 (one core with AVX-512,
bf16, 9 heads of 64)."""


def choose(model: Any, wanted: str | None) -> None:
    """Let a model of transformers attend as a recipe wants, or by sample where nothing speaks against it.

    Raises LintuneError when the model, or this machine, does not have what is wanted.
    """
    if wanted is None:
        if _only_attends(model):
            model.set_attn_implementation(BY_SAMPLE)
        return
    if wanted not in _KNOWN:
        raise LintuneError(f"attn_implementation: {wanted} is not built in. Use one of: {', '.join(_KNOWN)}.")
    try:
        model.set_attn_implementation(wanted)
    except (ImportError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise LintuneError(
            f"attn_implementation: {wanted} cannot be used here ({reason}). Take the key out of the recipe."
        ) from error


def _only_attends(model: Any) -> bool:
    """Whether attention alone connects the tokens of a model, all of those before or the nearest of them.

    Not so of state spaces and convolutions, of attention in chunks, or with a cap on its scores.
    """
    config = model.config.get_text_config()
    return (
        model._supports_attention_backend
        and model._supports_sdpa
        and not model._is_stateful
        and {"full_attention", "sliding_attention"}.issuperset(getattr(config, "layer_types", None) or ())
    )


def takes_samples_in_a_row(model: Any) -> bool:
    """Whether a model, as it is set, keeps samples apart that stand in one row."""
    return model.config._attn_implementation in (BY_SAMPLE, *_FLASH)


def by_sample(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    sliding_window: int | None = None,
    cu_seq_lens_q: torch.Tensor | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention, as transformers calls it.

    query: [1, heads, tokens, head size]; key and value likewise, perhaps with fewer heads. cu_seq_lens_q: where the
    samples begin, and the end of the last. The result is [1, tokens, heads, head size].
    """
    if cu_seq_lens_q is None:
        if attention_mask is None and sliding_window is not None and sliding_window < query.shape[2] == key.shape[2]:
            attention_mask = _band(query.shape[2], sliding_window, query.device)[None, None]
        return sdpa_attention_forward(  # type: ignore[no-any-return] # transformers has no types
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **others
        )
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    lengths = _lengths(cu_seq_lens_q)
    results = []
    plain = query.is_cpu and not dropout and query.shape[-1] == value.shape[-1]
    for queries, keys, values in zip(*(torch.split(part, lengths, dim=2) for part in (query, key, value)), strict=True):
        length = queries.shape[2]
        seen = None if sliding_window is None or length <= sliding_window else sliding_window
        if plain and length <= _SHORT and seen is None:
            result = _WholeMatrices.apply(queries, keys, values, scale)  # type: ignore[no-untyped-call]
        else:
            mask = None if seen is None else _band(length, seen, query.device)
            result = scaled_dot_product_attention(
                queries,
                keys,
                values,
                attn_mask=mask,
                dropout_p=dropout,
                scale=scale,
                is_causal=mask is None,
                enable_gqa=True,
            )
        results.append(result.transpose(1, 2))
    return torch.cat(results, dim=1), None


def _lengths(bounds: torch.Tensor) -> list[int]:
    """Those of the samples. Every layer asks with the same tensor, and reading one on a GPU waits for all before it."""
    if not hasattr(bounds, "lengths"):
        bounds.lengths = bounds.diff().tolist()  # type: ignore[attr-defined]
    found: list[int] = bounds.lengths  # type: ignore[attr-defined]
    return found


def _band(length: int, window: int, device: torch.device) -> torch.Tensor:
    """Which tokens see which: those before them, themselves included, `window` in all."""
    distance = torch.arange(length, device=device)[:, None] - torch.arange(length, device=device)
    return (distance >= 0) & (distance < window)


class _WholeMatrices(torch.autograd.Function):
    """Causal attention of one sample by products of whole matrices, the softmax in fp32."""

    @staticmethod
    def forward(ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float) -> torch.Tensor:
        _, heads, length, size = query.shape
        groups = key.shape[1]  # heads that share keys and values are one matrix
        rows, key, value = query.reshape(groups, -1, size), key[0].contiguous(), value[0].contiguous()
        scores = torch.bmm(rows, key.transpose(1, 2)).view(heads, length, length).float().mul_(scale)
        scores.masked_fill_(torch.ones(length, length, dtype=torch.bool).triu_(1), float("-inf"))
        weights = torch.softmax(scores, -1).to(query.dtype).view(groups, -1, length)
        ctx.save_for_backward(rows, key, value, weights)
        ctx.scale = scale
        return torch.bmm(weights, value).view(1, heads, length, size)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, None]:
        rows, key, value, weights = ctx.saved_tensors
        heads, size = gradient.shape[1], rows.shape[2]
        gradient = gradient.reshape(len(rows), -1, size)
        of_value = torch.bmm(weights.transpose(1, 2), gradient)
        of_weights = torch.bmm(gradient, value.transpose(1, 2)).float()
        of_weights -= (of_weights * weights).sum(-1, keepdim=True)
        of_scores = of_weights.mul_(weights).mul_(ctx.scale).to(rows.dtype)
        of_query = torch.bmm(of_scores, key).view(1, heads, -1, size)
        return of_query, torch.bmm(of_scores.transpose(1, 2), rows)[None], of_value[None], None


def _mask(*args: Any, attention_mask: torch.Tensor | None = None, **words: Any) -> torch.Tensor | None:
    """None when nothing is padded: then each token sees those before it, in its own sample."""
    if attention_mask is not None and words["q_length"] == words["kv_length"] and attention_mask.all():
        return None
    return sdpa_mask(*args, attention_mask=attention_mask, **words)  # type: ignore[no-any-return]


AttentionInterface.register(BY_SAMPLE, by_sample)
AttentionMaskInterface.register(BY_SAMPLE, _mask)
