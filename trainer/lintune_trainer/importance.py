"""How much each input of a matrix matters: the mean of its square over what the model reads.

Rounding a matrix to few bits then goes wrong least where it is felt most. llama.cpp calls it an importance matrix, and
its own program for it writes the same file.
"""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from gguf import GGUFReader, GGUFWriter, get_tensor_name_map
from gguf.constants import MODEL_ARCH_NAMES, GGUFType, Keys

from lintune_schemas import atomic, model_heads
from lintune_trainer import models

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Importance = dict[str, np.ndarray[Any, np.dtype[np.float32]]]
"""[inputs] by the name that a matrix has in a GGUF file."""

TOKENS = 16_384
"""So many are read at the most."""

_ROW = 512
"""Tokens of short samples that are read at once, as llama.cpp's own program does."""

_SUMS, _COUNTS = ".in_sum2", ".counts"


@torch.inference_mode()
def measure(merged: Path, f16: Path, samples: Sequence[Sequence[int]]) -> Importance:
    """Let the merged model read samples in tokens, from all over the sequence, up to TOKENS.

    f16: the model's GGUF file, whose matrices count. What is looked up, and not multiplied, is left out. Raises
    LintuneError as `models.load` does.
    """
    model = models.load(merged, device="cuda" if torch.cuda.is_available() else "cpu")
    fields, heads = model_heads.of_gguf(f16)
    kind = next(kind for kind, name in MODEL_ARCH_NAMES.items() if name == fields["general.architecture"])
    names = get_tensor_name_map(kind, model.config.get_text_config().num_hidden_layers)
    sums: dict[str, torch.Tensor] = {}
    counts: dict[str, int] = defaultdict(int)

    def note(name: str, _module: Any, inputs: tuple[torch.Tensor, ...]) -> None:
        rows = inputs[0].reshape(-1, inputs[0].shape[-1]).float()
        sums[name] = sums.get(name, 0) + rows.square().sum(0)
        counts[name] += len(rows)

    for path, module in model.named_modules():
        name = names.get_name(f"{path.replace('model.language_model.', 'model.')}.weight", (".weight",))
        if name in heads.tensors and isinstance(module, torch.nn.Linear):
            module.register_forward_pre_hook(partial(note, name))
    for ids in _rows(samples):
        model(input_ids=torch.tensor([ids], device=model.device), logits_to_keep=1)
    return {name: (total / counts[name]).cpu().numpy() for name, total in sums.items()}


def write(importance: Importance, path: Path) -> None:
    """A file that llama.cpp's programs read, too. Raises OSError."""
    with atomic.new_file(path) as partial_path:
        writer = GGUFWriter(partial_path, "")
        writer.add_type(GGUFType.IMATRIX)
        writer.add_array(Keys.IMatrix.DATASETS, ["training samples"])
        writer.add_uint32(Keys.IMatrix.CHUNK_COUNT, 1)
        writer.add_uint32(Keys.IMatrix.CHUNK_SIZE, TOKENS)
        for name, values in importance.items():
            writer.add_tensor(name + _SUMS, values[None])
            writer.add_tensor(name + _COUNTS, np.ones((1, 1), np.float32))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def read(path: Path) -> Importance:
    """Raises ValueError for a broken file."""
    tensors = {tensor.name: np.array(tensor.data, np.float32).flatten() for tensor in GGUFReader(path).tensors}
    found = {name.removesuffix(_SUMS): values for name, values in tensors.items() if name.endswith(_SUMS)}
    return {name: values / tensors[name + _COUNTS] for name, values in found.items()}


def _rows(samples: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Samples from all over the sequence, short ones behind each other: every row costs a pass over all weights."""
    step = max(sum(map(len, samples)) // TOKENS, 1)
    left, row = TOKENS, list[int]()
    for sample in samples[::step]:
        row += sample[:left]
        left -= len(sample)
        if len(row) >= _ROW or left <= 0:
            yield row
            row = []
        if left <= 0:
            return
    if row:
        yield row
