"""What the training computes on, and in which number format."""

from __future__ import annotations

import ctypes
import gc
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from lintune_schemas import processor

if TYPE_CHECKING:
    from lintune_schemas.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Device:
    """dtype: that of the base model's weights, and of what is computed from 4-bit ones."""

    kind: str
    """`cpu` or `cuda`, as torch has it."""
    name: str
    """For people."""
    dtype: torch.dtype

    def free_memory(self) -> None:
        """Give back what models that are no longer referred to took."""
        gc.collect()
        if self.kind == "cuda":
            torch.cuda.empty_cache()
        # glibc keeps what was freed between other things, after a training on a CPU often a gigabyte.
        if trim := getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None:
            trim(0)


def choose(recipe: Recipe) -> Device:
    """The first CUDA device, else the CPU with one thread a physical core."""
    cuda = torch.cuda.is_available()
    dtype = _dtype(recipe, cuda)
    if cuda:
        return Device("cuda", torch.cuda.get_device_name(0), dtype)
    threads = processor.processor().cores
    torch.set_num_threads(threads)
    return Device("cpu", f"CPU, {threads} {'thread' if threads == 1 else 'threads'}", dtype)


def peak_memory() -> int | None:
    """The most bytes in use so far: of the GPU, without one of this process. None where that cannot be known."""
    return int(torch.cuda.max_memory_allocated()) if torch.cuda.is_available() else processor.peak_memory()


def _dtype(recipe: Recipe, cuda: bool) -> torch.dtype:
    if recipe.fp16 and cuda:
        return torch.float16
    if recipe.bf16 is False and not recipe.fp16:
        return torch.float32
    if cuda:  # GPUs before Ampere have no bf16 arithmetic
        return torch.bfloat16 if torch.cuda.get_device_capability(0) >= (8, 0) else torch.float16
    # Without AVX-512, bf16 products are four times slower than fp32 ones (EPYC with AVX2: 9 against 37 GFLOP/s a
    # core). fp16 is slow on nearly all CPUs.
    fast = recipe.bf16 in (True, "full") or torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.bfloat16 if fast else torch.float32
