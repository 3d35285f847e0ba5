"""Whether weights are what they should be, compared as numbers; and of those that are not, what happened to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from gguf import GGML_QUANT_SIZES, get_tensor_name_map
from gguf.constants import MODEL_ARCH_NAMES
from gguf.quants import dequantize
from safetensors import safe_open
from transformers import AutoConfig

from lintune_schemas import model_heads
from lintune_schemas.events import Check, Link

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gguf import ReaderTensor

    from lintune_trainer.proof.gguf_head import Reader

Rows = np.ndarray[Any, np.dtype[np.float32]]
"""[rows, columns]"""

_NUMBERS, _FEWEST = 2**20, 64
"""Of each tensor so many numbers are compared at most, but so many rows at least, from all over it: whole matrices of
small models; of large ones enough to see another tensor, scale or order of rows."""

_ROTATES_NEIGHBOURS = ("llama", "mistral")
"""Models, by transformers' `model_type`, whose queries and keys stand in another order in a GGUF file: llama.cpp
rotates each number with the next, transformers with that half a head away."""
_NORMS_FROM_ONE = ("gemma", "gemma2", "gemma3_text")
"""Those whose norms multiply by one plus what transformers keeps; a GGUF file holds the sum."""
_AS_THEY_ARE = ("qwen2", "qwen3", "phi3")
_HEADS = {"q_proj": "num_attention_heads", "k_proj": "num_key_value_heads"}


def as_merged(gguf: Path, reader: Reader, merged: Path) -> Check | None:
    """Compare a file in 16 bits with the merged safetensors; None where it is not known how the one is made of the
    other."""
    config = AutoConfig.from_pretrained(merged, trust_remote_code=False, local_files_only=True).get_text_config()
    if config.model_type not in (*_ROTATES_NEIGHBOURS, *_NORMS_FROM_ONE, *_AS_THEY_ARE):
        return None
    name, worst, count = f"weights of {gguf.name}", 0.0, 0
    kind = str(reader.fields["general.architecture"].contents())
    architecture = next(one for one, known in MODEL_ARCH_NAMES.items() if known == kind)
    names = get_tensor_name_map(architecture, config.num_hidden_layers)
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    for origin, file in _in_safetensors(merged):
        there = names.get_name(origin.replace("model.language_model.", "model."), (".weight", ".bias"))
        if there is None or (there == "output.weight" and there not in tensors):  # it is the embedding, once more
            continue
        tensor = tensors.get(there)
        if tensor is None:
            return Check(name, False, f"{there} is missing in the file", Link.WEIGHTS, gguf.name)
        part = file.get_slice(origin)
        shape = part.get_shape()
        if tuple(tensor.shape[::-1]) != tuple(shape):
            return Check(name, False, f"{there} has another shape than {origin}", Link.WEIGHTS, gguf.name)
        chosen = _chosen(shape)
        source = chosen
        heads = _HEADS.get(origin.rpartition(".self_attn.")[2].partition(".")[0])
        if heads and config.model_type in _ROTATES_NEIGHBOURS:
            source = _beside_each_other(shape[0], getattr(config, heads))[chosen]
        wanted = _as_rows(part[:] if len(shape) == 1 else _picked(part, source))
        if config.model_type in _NORMS_FROM_ONE and origin.endswith("norm.weight"):
            wanted = wanted + 1
        error, limit = _error(wanted, _rows(tensor, chosen)), _limit(tensor.tensor_type)
        if not error <= limit:
            detail = f"{there} {_what_happened(wanted, _rows(tensor, chosen))}"
            return Check(name, False, detail, Link.WEIGHTS, gguf.name, {"error": error, "error_limit": limit})
        worst, count = max(worst, error), count + 1
    detail = f"{count} tensors, each within {worst:.2%} of the merged model's"
    return Check(name, True, detail, file=gguf.name, figures={"tensors": count, "error": worst})


def as_before(f16: Reader, gguf: Path, reader: Reader) -> Check:
    """Compare every tensor of a quantized file with that of the file it was made from."""
    name = f"weights of {gguf.name}"
    original = {tensor.name: tensor for tensor in f16.tensors}
    quantized = {tensor.name: tensor for tensor in reader.tensors}
    if unequal := sorted(original.keys() ^ quantized.keys()):
        return Check(name, False, f"{unequal[0]} is in one of the two files only", Link.QUANTIZATION, gguf.name)
    worst = 0.0
    for tensor in original.values():
        copy = quantized[tensor.name]
        if tensor.shape.tolist() != copy.shape.tolist():
            return Check(name, False, f"{tensor.name} has another shape", Link.QUANTIZATION, gguf.name)
        chosen = _chosen(tensor.shape[::-1].tolist(), few=True)  # taking numbers out of blocks is slow here
        before, after = _rows(tensor, chosen), _rows(copy, chosen)
        error, limit = _error(before, after), _limit(copy.tensor_type)
        if not error <= limit:
            chosen = _chosen(tensor.shape[::-1].tolist())
            detail = (
                f"{tensor.name} {_what_happened(_rows(tensor, chosen), _rows(copy, chosen))}: {error:.1%} off, "
                f"{copy.tensor_type.name} loses {limit:.1%} at most"
            )
            return Check(name, False, detail, Link.QUANTIZATION, gguf.name, {"error": error, "error_limit": limit})
        worst = max(worst, error)
    detail = f"{len(original)} tensors, each within {worst:.1%} of the 16-bit file's"
    return Check(name, True, detail, file=gguf.name, figures={"tensors": len(original), "error": worst})


def bits(reader: Reader) -> float:
    """Bits a weight, scales included, of the matrices in a file's layers."""
    matrices = [tensor for tensor in reader.tensors if len(tensor.shape) > 1 and tensor.name.startswith("blk.")]
    return float(8 * sum(int(one.n_bytes) for one in matrices) / sum(int(one.n_elements) for one in matrices))


def _in_safetensors(folder: Path) -> Iterator[tuple[str, Any]]:
    for path in model_heads.safetensors_of(folder):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 (it is no dictionary)
                yield name, file


def _chosen(shape: list[int], *, few: bool = False) -> Any:
    """The indices of the rows that are compared; a vector is one row."""
    if len(shape) < 2:
        return np.zeros(1, np.int64)
    rows = int(np.prod(shape[:-1]))
    count = min(rows, _FEWEST if few else max(_NUMBERS // shape[-1], _FEWEST))
    return np.linspace(0, rows - 1, count, dtype=np.int64)


def _picked(part: Any, rows: Any) -> Any:
    """Rows of a tensor in a safetensors file, in that order. Near each other they are read together."""
    if len(rows) * 4 >= part.get_shape()[0]:
        return part[:][rows.tolist()]
    import torch

    return torch.cat([part[row : row + 1] for row in rows.tolist()])


def _as_rows(tensor: Any) -> Rows:
    rows: Rows = tensor.float().numpy().reshape(-1, tensor.shape[-1])
    return rows


def _rows(tensor: ReaderTensor, chosen: Any) -> Rows:
    data = tensor.data if tensor.data.ndim > 1 else tensor.data[None]
    values: Rows = dequantize(data.reshape(-1, data.shape[-1])[chosen], tensor.tensor_type)
    return values.astype(np.float32)


def _beside_each_other(rows: int, heads: int) -> Any:
    """For each row of a GGUF file's queries or keys, its index among transformers' ones."""
    return np.arange(rows).reshape(heads, 2, -1).swapaxes(1, 2).ravel()


def _error(original: Rows, copy: Rows) -> float:
    """The length of the difference over that of the original."""
    return float(np.linalg.norm(copy - original)) / max(float(np.linalg.norm(original)), 1e-12)


def _what_happened(wanted: Rows, found: Rows) -> str:
    """Of a tensor that is another one: is it scaled, are its rows in another order, or what else?"""
    size = float(np.vdot(wanted, wanted))
    ratio = float(np.vdot(wanted, found)) / size if size else 0.0
    if ratio and _error(wanted * ratio, found) < _SCALED:
        return f"is scaled: it is {ratio:.4g} times what it should be"
    here = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
    there = wanted / np.maximum(np.linalg.norm(wanted, axis=1, keepdims=True), 1e-12)
    sample = np.linspace(0, len(here) - 1, min(len(here), 256), dtype=np.int64)
    likeness = here[sample] @ there.T
    nearest, known = likeness.argmax(1), likeness.max(1) > _LIKE
    if len(wanted) > 1 and known.mean() > 0.5 and (nearest != sample)[known].any():
        moved = int(np.flatnonzero(known & (nearest != sample))[0])
        return f"has its rows in another order: row {sample[moved]} is what should be row {nearest[moved]}"
    if not np.isfinite(found).all():
        return "holds numbers that are none"
    return "holds other numbers"


_SCALED = 0.1
"""Off a multiple of what it should be. Numbers in four bits are, by quantization alone."""
_LIKE = 0.9
"""The cosine of two rows that are the same but for quantization; others of a matrix are nearly at right angles."""


def _limit(kind: Any) -> float:
    """What rounding to so many bits a weight may lose, from above.

    Measured on all quantizations of SmolLM2-135M: with b bits a weight, scales included, the error is between
    0.5 and 3.3 times 2^-b; six times leaves room for models with more outliers. Another tensor would be off by
    1.4. bf16 loses 2^-9 of a weight at most.
    """
    values, size = GGML_QUANT_SIZES[kind]
    bits: float = 8 * size / values
    return float(max(6 * 2.0**-bits, 0.004))
