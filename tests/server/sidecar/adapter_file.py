"""Small LoRA adapters as GGUF files, for models that the tests ask."""

from functools import cache
from pathlib import Path

import numpy as np
from gguf import GGUFWriter

from lintune_schemas import model_heads

RANK = 4


def write_adapter(
    path: Path,
    model: Path,
    *,
    seed: int = 0,
    strength: float = 1.0,
    architecture: str | None = None,
    wider: int = 0,
    vocabulary: int | None = None,
    tensors: tuple[str, ...] = ("attn_q.weight", "attn_output.weight", "ffn_down.weight"),
) -> Path:
    """A random adapter of rank 4 on every layer of a model; returns `path`.

    strength: how far it moves the weights; 0 for an adapter that changes nothing. architecture: other than the model's.
    wider: added to the columns of `lora_a`, which then fits no tensor. vocabulary: tokens of the tokenizer that it was
    trained with.
    """
    own, shapes = _matrices(model)
    writer = GGUFWriter(path, architecture or own)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(RANK))
    if vocabulary:
        writer.add_vocab_size(vocabulary)
    random = np.random.default_rng(seed)
    for name, (rows, columns) in shapes.items():
        if name.endswith(tensors):
            a = random.standard_normal((RANK, columns + wider), np.float32) / np.sqrt(columns)
            b = random.standard_normal((rows, RANK), np.float32) * strength / np.sqrt(rows)
            writer.add_tensor(f"{name}.lora_a", a.astype(np.float32))
            writer.add_tensor(f"{name}.lora_b", b.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@cache
def _matrices(model: Path) -> tuple[str, dict[str, tuple[int, int]]]:
    """A model's architecture, and rows and columns of its layers' matrices."""
    fields, heads = model_heads.of_gguf(model)
    blocks = {name: shape for name, shape in heads.tensors.items() if name.startswith("blk.") and len(shape) == 2}
    return fields["general.architecture"], {name: (shape[0], shape[1]) for name, shape in blocks.items()}
