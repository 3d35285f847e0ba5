"""An adapter added to the weights of its base model, file by file and row by row.

The files keep their layout, and every matrix the number format that it has. The sum is made in fp32 and rounded once;
of the weights no more is in memory than some rows of one matrix.
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from typing import IO, TYPE_CHECKING, Any

import torch
from peft import LoraConfig
from peft.utils.other import get_pattern_key
from safetensors import SafetensorError, safe_open

from lintune_schemas import model_heads
from lintune_schemas.errors import LintuneError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Added = Callable[[torch.Tensor, slice], torch.Tensor]
    """Rows of a matrix in fp32, and which they are, to the same rows of the merged matrix."""

_CONFIG, _INDEX = "config.json", "model.safetensors.index.json"
_DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
"""The number formats of safetensors that something can be added to."""

_AT_ONCE = 1 << 22
"""Numbers of a matrix that are in memory at once: 16 MiB in fp32, of which there are a few copies."""

_PREFIX = "base_model.model."
"""What PEFT puts in front of names."""
_PART = re.compile(r"(.+)\.(lora_A|lora_B|lora_embedding_A|lora_embedding_B|lora_magnitude_vector)(?:\.weight)?")
_WANDERING = {"model", "language_model"}
"""Parts of names that a checkpoint may have elsewhere than the model that is made of it, or not at all."""

_NOT_FINITE = (
    "The adapter cannot be merged: weights of the merged model would be no numbers. Lower learning_rate and train "
    "again."
)

_HEAD = "lm_head.weight"
_EMBEDDING = re.compile(r".*\b(embed_tokens|wte|word_embeddings|embed_in)\.weight")


def merge(weights: Path, adapter: Path, merged: Path) -> None:
    """Write config.json and safetensors of a model with its adapter into the folder `merged`, which is there already.

    weights: the base model's folder. Raises LintuneError when the adapter is broken, of another model, or more than
    LoRA, and when merged weights are no numbers; OSError.
    """
    files = {file: model_heads.read_safetensors(file) for file in model_heads.safetensors_of(weights)}
    names = {name for entries, _ in files.values() for name in entries}
    changes = _Changes(adapter, names)
    config = json.loads((weights / _CONFIG).read_bytes())
    second = _second_matrix(changes, names)
    if second:
        for part in (config, config.get("text_config")):
            if part is not None:
                part["tie_word_embeddings"] = False
    changes.require_all_found()
    for file, (entries, start) in files.items():
        order = sorted(entries, key=lambda name: entries[name]["data_offsets"][0])
        tensors = dict(zip(order, order, strict=True))
        if second in entries:
            tensors[_HEAD] = second
            holder = file.name
        with file.open("rb") as source, (merged / file.name).open("wb") as target:
            target.write(_head({name: entries[origin] for name, origin in tensors.items()}))
            for name, origin in tensors.items():
                source.seek(start + entries[origin]["data_offsets"][0])
                _copy(source, target, entries[origin], changes.of(name, entries[origin]["shape"]))
    if (weights / _INDEX).is_file():
        index = json.loads((weights / _INDEX).read_bytes())
        if second:
            index["weight_map"][_HEAD] = holder
        (merged / _INDEX).write_text(json.dumps(index, indent=2), encoding="utf-8")
    (merged / _CONFIG).write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _second_matrix(changes: _Changes, names: set[str]) -> str:
    """The name of the matrix that is both embedding and head, where an adapter makes two different ones of it; else
    nothing."""
    embedding = next((name for name in names if _EMBEDDING.fullmatch(name)), "")
    if _HEAD in names or not embedding:
        return ""
    if changes.one_matrix:
        changes.parts.pop(_HEAD, None)  # trained as one, it is in the file once
        return ""
    return embedding if changes.parts.keys() & {_HEAD, embedding} else ""


class _Changes:
    """What an adapter changes, by the names that the tensors have in the base model's files."""

    def __init__(self, adapter: Path, names: set[str]) -> None:
        try:
            self._settings = LoraConfig.from_pretrained(str(adapter)).to_dict()
            self._file = _open(adapter / "adapter_model.safetensors")
        except (SafetensorError, ValueError, TypeError, KeyError, OSError) as error:
            raise LintuneError(f"The adapter in {adapter} is broken ({error}). Train again.") from error
        self._adapter = adapter
        self._names = names | {_HEAD}
        self.one_matrix = bool(self._settings["ensure_weight_tying"])
        """Whether embedding and head were trained as one."""
        self.parts: dict[str, dict[str, str]] = defaultdict(dict)
        """By tensor: names in the adapter's file by what they are, such as `lora_A`, or `whole`."""
        here = {_settled(name): name for name in self._names}
        for key in self._file.keys():  # noqa: SIM118 (no dictionary)
            name = key.removeprefix(_PREFIX)
            match = _PART.fullmatch(name)
            tensor = f"{match[1]}.weight" if match else name.replace(".base_layer.", ".")
            self.parts[here.get(_settled(tensor), tensor)][match[2] if match else "whole"] = key

    def require_all_found(self) -> None:
        """Raise LintuneError when the base model has not all that the adapter changes."""
        if self._settings["target_parameters"] or self._settings["lora_bias"]:
            raise LintuneError(f"The adapter in {self._adapter} is more than LoRA of modules, so it cannot be merged.")
        if missing := sorted(self.parts.keys() - self._names):
            raise LintuneError(
                f"The adapter in {self._adapter} is of another base model than the recipe's, which has no {missing[0]}."
            )

    def of(self, name: str, shape: list[int]) -> Added | None:
        """What becomes of a tensor; None when it stays as it is."""
        parts = self.parts.get(name)
        if not parts:
            return None
        try:
            if "whole" in parts and len(parts) == 1:
                whole = self._file.get_slice(parts["whole"])
                self._require_shape(name, shape, whole.get_shape())
                return lambda _, rows: whole[rows].float()
            return self._lora(name, shape, parts)
        except KeyError as error:
            raise LintuneError(f"The adapter in {self._adapter} is broken: of {name} it has no {error}.") from error

    def _lora(self, name: str, shape: list[int], parts: Mapping[str, str]) -> Added:
        embeds = "lora_embedding_A" in parts
        kind = "lora_embedding_" if embeds else "lora_"
        down, up = (self._file.get_tensor(parts[kind + letter]).float() for letter in "AB")
        # [out, in], but for an embedding, and for layers that keep their matrix the other way round.
        transposed = embeds or self._settings["fan_in_fan_out"]
        left, right = (down.t(), up.t()) if transposed else (up, down)
        self._require_shape(name, shape, [len(left), right.shape[1]])
        scale = self._scale(name.removesuffix(".weight"), len(down))
        key = parts.get("lora_magnitude_vector")
        if key is None:
            return lambda base, rows: torch.addmm(base, left[rows], right, alpha=scale)
        magnitude = self._file.get_tensor(key).float().flatten()
        if transposed:
            raise LintuneError(f"DoRA of {name}, which is kept transposed, cannot be merged. Train without it.")

        def dora(base: torch.Tensor, rows: slice) -> torch.Tensor:
            moved = torch.addmm(base, left[rows], right, alpha=scale)
            grown: torch.Tensor = moved * (magnitude[rows] / moved.norm(dim=1))[:, None]
            return grown

        return dora

    def _scale(self, module: str, rank: int) -> float:
        alphas = self._settings["alpha_pattern"]
        alpha = alphas.get(get_pattern_key(alphas, module), self._settings["lora_alpha"])
        return float(alpha / (math.sqrt(rank) if self._settings["use_rslora"] else rank))

    def _require_shape(self, name: str, shape: list[int], found: list[int]) -> None:
        if shape != found:
            raise LintuneError(
                f"The adapter in {self._adapter} is of another base model than the recipe's: {name} is {shape} there, "
                f"and the adapter fits {found}."
            )


def _open(file: Path) -> Any:
    """A safetensors file, whose library has no types."""
    return safe_open(file, framework="pt")


def _settled(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in _WANDERING)


def _head(entries: Mapping[str, Any]) -> bytes:
    """The head of a safetensors file with these tensors one behind the other."""
    end = 0
    described: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    for name, entry in entries.items():
        start, end = end, end + entry["data_offsets"][1] - entry["data_offsets"][0]
        described[name] = {"dtype": entry["dtype"], "shape": entry["shape"], "data_offsets": [start, end]}
    text = json.dumps(described, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _copy(source: IO[bytes], target: IO[bytes], entry: Mapping[str, Any], added: Added | None) -> None:
    """Copy a tensor, from where the source stands, with what is added."""
    start, end = entry["data_offsets"]
    dtype = _DTYPES.get(entry["dtype"])
    rows = entry["shape"][0] if entry["shape"] else 1
    width = (end - start) // max(rows, 1)
    at_once = max(_AT_ONCE * (dtype.itemsize if dtype else 1) // max(width, 1), 1)
    for first in range(0, rows, at_once):
        chosen = slice(first, min(first + at_once, rows))
        data = bytearray(source.read((chosen.stop - first) * width))
        if len(data) < (chosen.stop - first) * width:
            raise LintuneError(f"{source.name} ends early. Fetch the model again.")
        if added is not None:
            if dtype is None:
                raise LintuneError(f"Nothing can be added to weights in {entry['dtype']}. Use the unquantized model.")
            base = torch.frombuffer(data, dtype=dtype).view(-1, *entry["shape"][1:]).float()
            sums = added(base, chosen).to(dtype)
            if not torch.isfinite(sums).all():
                raise LintuneError(_NOT_FINITE)
            data = bytearray(sums.contiguous().view(torch.uint8).numpy())
        target.write(data)
