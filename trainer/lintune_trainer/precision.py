"""Whether a quantized GGUF file holds the weights of the file that it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from gguf import GGML_QUANT_SIZES, GGUFReader
from gguf.quants import dequantize

from lintune_schemas.events import Check

if TYPE_CHECKING:
    from pathlib import Path

_ROWS = 64
"""So many rows of each tensor are compared, from all over it: enough to see another tensor or scale."""


def same_weights(f16: Path, gguf: Path) -> Check:
    """Compare every tensor of `gguf` with the f16 file's. Raises ValueError when a file is broken."""
    name = f"weights of {gguf.name}"
    original = {tensor.name: tensor for tensor in GGUFReader(f16).tensors}
    quantized = {tensor.name: tensor for tensor in GGUFReader(gguf).tensors}
    if unequal := sorted(original.keys() ^ quantized.keys()):
        return Check(name, False, f"link quantization: {unequal[0]} is in one of the two files only")
    worst = 0.0
    for tensor in original.values():
        copy = quantized[tensor.name]
        if tensor.shape.tolist() != copy.shape.tolist():
            return Check(name, False, f"link quantization: {tensor.name} has another shape")
        error, limit = _error(_rows(tensor), _rows(copy)), _limit(copy.tensor_type)
        if not error <= limit:
            return Check(
                name,
                False,
                f"link quantization: {tensor.name} is {error:.1%} off the trained weights; "
                f"{copy.tensor_type.name} loses {limit:.1%} at most",
            )
        worst = max(worst, error)
    return Check(name, True, f"{len(original)} tensors, each within {worst:.1%} of what was trained")


def _rows(tensor: Any) -> np.ndarray[Any, Any]:
    data = tensor.data if tensor.data.ndim > 1 else tensor.data[None]
    rows = data.reshape(-1, data.shape[-1])
    chosen = np.linspace(0, len(rows) - 1, min(_ROWS, len(rows)), dtype=np.int64)
    values: np.ndarray[Any, Any] = dequantize(rows[chosen], tensor.tensor_type)
    return values.astype(np.float32)


def _error(original: np.ndarray[Any, Any], copy: np.ndarray[Any, Any]) -> float:
    """The length of the difference over that of the original."""
    return float(np.linalg.norm(copy - original)) / max(float(np.linalg.norm(original)), 1e-12)


def _limit(kind: Any) -> float:
    """What rounding to so many bits a weight may lose, from above.

    Measured on all quantizations of SmolLM2-135M: with b bits a weight, scales included, the error is between
    0.5 and 3.3 times 2^-b; six times leaves room for models with more outliers. Another tensor would be off by
    1.4. bf16 loses 2^-9 of a weight at most.
    """
    values, size = GGML_QUANT_SIZES[kind]
    bits: float = 8 * size / values
    return float(max(6 * 2.0**-bits, 0.004))
