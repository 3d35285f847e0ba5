"""The heads of weight files: names and shapes of the tensors, and a GGUF file's metadata. No weight is read."""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST_HEAD = 100 << 20
"""Bytes of a safetensors header at most, as safetensors itself has it."""
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")

_QUANTIZED = ".absmax"
"""How bitsandbytes ends the name of a tensor that only a quantized model has."""


@dataclass(frozen=True, slots=True)
class Heads:
    """What the files of a model say before their weights begin."""

    tensors: dict[str, tuple[int, ...]]
    """Shapes by name, outermost dimension first; empty where they are not known in full."""
    weight_bytes: int | None
    """On disk; None when not all of it is there."""
    pickled_only: bool = False
    chat_template: bool = False


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; {} when there is none or it cannot be read."""
    try:
        value = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return value if isinstance(value, dict) else {}


def of_folder(folder: Path) -> Heads:
    """Heads of a model folder, its safetensors in one file or in several with an index."""
    chat_template = (folder / "chat_template.jinja").is_file() or bool(
        read_json(folder / "tokenizer_config.json").get("chat_template")
    )
    files = safetensors_of(folder)
    if not files:
        pickles = [file for pattern in _PICKLES for file in folder.glob(pattern) if _holds_weights(file)]
        size = sum(file.stat().st_size for file in pickles) or None
        return Heads({}, size, bool(pickles), chat_template)
    try:
        size = sum(file.stat().st_size for file in files)
        tensors = {name: shape for file in files for name, shape in _tensors(file).items()}
    except (OSError, ValueError):  # one of them is missing, or no safetensors
        return Heads({}, None, chat_template=chat_template)
    quantized = any(name.endswith(_QUANTIZED) for name in tensors)
    return Heads({} if quantized else tensors, size, chat_template=chat_template)


def safetensors_of(folder: Path) -> list[Path]:
    """The files that hold a model's weights; some may be missing."""
    weight_map = read_json(folder / "model.safetensors.index.json").get("weight_map")
    if isinstance(weight_map, dict):
        return [folder / name for name in sorted({name for name in weight_map.values() if isinstance(name, str)})]
    whole = folder / "model.safetensors"
    return [whole] if whole.is_file() else sorted(folder.glob("*.safetensors"))


def _holds_weights(file: Path) -> bool:
    return file.name not in ("training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth")


def _tensors(file: Path) -> dict[str, tuple[int, ...]]:
    """Raises ValueError for a file that is no safetensors."""
    entries, _ = read_safetensors(file)
    return {name: tuple(entry["shape"]) for name, entry in entries.items()}


def read_safetensors(file: Path) -> tuple[dict[str, dict[str, Any]], int]:
    """`dtype`, `shape` and `data_offsets` by the names of the tensors, and where in the file the data begin.

    Raises ValueError for a file that is no safetensors, OSError when it cannot be read.
    """
    with file.open("rb") as opened:
        start = opened.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > _LARGEST_HEAD:
            raise ValueError(f"{file} is no safetensors file")
        head = orjson.loads(opened.read(length))
    if not isinstance(head, dict):
        raise ValueError(f"{file} is no safetensors file")
    entries = {name: entry for name, entry in head.items() if isinstance(entry, dict) and _has_shape(entry)}
    return entries, 8 + length


def _has_shape(entry: dict[str, Any]) -> bool:
    shape = entry.get("shape")
    return isinstance(shape, list) and all(isinstance(size, int) and size >= 0 for size in shape)


# Types of metadata values, by their number in the GGUF specification (version 3).
_SCALARS = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d",
}  # fmt: skip
_TEXT, _ARRAY = 8, 9
_LARGEST_TEXT = 64 << 20
_LARGEST_COUNT = 1 << 22
"""Of tensors, fields and entries of an array: over ten times as many as the largest vocabularies have."""
_LARGEST_RANK = 4
"""GGML_MAX_DIMS in ggml.h."""


def of_gguf(path: Path) -> tuple[dict[str, Any], Heads]:
    """A GGUF file's metadata, arrays as their lengths but for numbers of a few entries, and its tensors.

    The package `gguf` reads the same, but takes seconds for a vocabulary. Raises ValueError for a file that is no GGUF,
    OSError when it cannot be read.
    """
    with path.open("rb") as opened:
        try:
            with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                return _GgufHead(mapped).read(path.stat().st_size)
        except (struct.error, UnicodeDecodeError, IndexError, OverflowError) as error:
            raise ValueError(f"{path} ends early, or is no GGUF file") from error


class _GgufHead:
    """Reads from the front; `at` is the next byte."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.at = 0

    def read(self, size: int) -> tuple[dict[str, Any], Heads]:
        if self.data[:4] != b"GGUF":
            raise ValueError("no GGUF file")
        self.at = 4
        version, tensor_count, field_count = self._number("<I"), self._number("<Q"), self._number("<Q")
        if version not in (2, 3) or max(tensor_count, field_count) > _LARGEST_COUNT:
            raise ValueError("no GGUF file that is known here")
        fields = {}
        for _ in range(field_count):
            key = self._text()
            fields[key] = self._value(self._number("<I"))
        tensors = {}
        for _ in range(tensor_count):
            name = self._text()
            rank = self._number("<I")
            if rank > _LARGEST_RANK:
                raise ValueError("no GGUF file")
            dimensions = [self._number("<Q") for _ in range(rank)]
            self.at += 12  # type and offset
            tensors[name] = tuple(reversed(dimensions))  # GGUF writes the innermost first
        return fields, Heads(tensors, size, chat_template="tokenizer.chat_template" in fields)

    def _number(self, code: str) -> Any:
        value = struct.unpack_from(code, self.data, self.at)[0]
        self.at += struct.calcsize(code)
        return value

    def _text(self) -> str:
        length = self._number("<Q")
        if length > _LARGEST_TEXT:
            raise ValueError("no GGUF file")
        start, self.at = self.at, self.at + length
        return self.data[start : self.at].decode()

    def _value(self, kind: int) -> Any:
        if kind == _TEXT:
            return self._text()
        if kind != _ARRAY:
            if kind not in _SCALARS:
                raise ValueError("no GGUF file")
            return self._number(_SCALARS[kind])
        element, count = self._number("<I"), self._number("<Q")
        if count > _LARGEST_COUNT:
            raise ValueError("no GGUF file")
        if element == _TEXT:
            at, unpack = self.at, struct.Struct("<Q").unpack_from
            for _ in range(count):
                at += 8 + unpack(self.data, at)[0]
            self.at = at
            return count
        if element not in _SCALARS:
            raise ValueError("no GGUF file")
        whole = struct.Struct(f"<{count}{_SCALARS[element][1]}")
        start, self.at = self.at, self.at + whole.size
        return list(whole.unpack_from(self.data, start)) if count <= 1024 else count
