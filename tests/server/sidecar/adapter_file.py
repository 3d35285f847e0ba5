"""Small LoRA adapters as GGUF files, for models that the tests ask."""

from pathlib import Path

import numpy as np
from gguf import GGUFReader, GGUFWriter

RANK = 4


def write_adapter(
    path: Path,
    model: Path,
    *,
    seed: int = 0,
    strength: float = 1.0,
    architecture: str | None = None,
    wider: int = 0,
    tensors: tuple[str, ...] = ("attn_q.weight", "attn_output.weight", "ffn_down.weight"),
) -> Path:
    """A random adapter of rank 4 on every layer of a model; returns `path`.

    strength: how far it moves the weights; 0 for an adapter that changes nothing. architecture: other than the
    model's. wider: added to the columns of `lora_a`, which then fits no tensor.
    """
    reader = GGUFReader(model)
    name = architecture or str(reader.fields["general.architecture"].contents())
    writer = GGUFWriter(path, name)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(RANK))
    random = np.random.default_rng(seed)
    for tensor in reader.tensors:
        if tensor.name.startswith("blk.") and tensor.name.endswith(tensors):
            columns, rows = map(int, tensor.shape)
            a = random.standard_normal((RANK, columns + wider), np.float32) / np.sqrt(columns)
            b = random.standard_normal((rows, RANK), np.float32) * strength / np.sqrt(rows)
            writer.add_tensor(f"{tensor.name}.lora_a", a.astype(np.float32))
            writer.add_tensor(f"{tensor.name}.lora_b", b.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
