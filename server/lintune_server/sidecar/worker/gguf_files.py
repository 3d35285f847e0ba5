"""Files of models and adapters, looked at before llama.cpp opens them: whole, of the right kind, and matching.

llama.cpp says of most of this that it failed, some of it in words about its own tensors; what it does not check
ends the process with all requests in it.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lintune_schemas import model_heads
from lintune_schemas.errors import LintuneError

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_schemas.model_heads import Heads

_MAGIC = b"GGUF"
_DOWN, _UP = ".lora_a", ".lora_b"
_ADAPTER_TYPES = ("F32", "F16", "BF16")
_CHAT_TEMPLATE = "tokenizer.chat_template"
_CELL_TYPE_BYTES = 2
"""Keys and values are kept as F16."""


@dataclass(frozen=True, slots=True)
class FileId:
    """A file as it was found; one that was written anew under its name is another one."""

    path: Path
    inode: int
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class AdapterFacts:
    """What an adapter's file says. size: in bytes. chat_template: other than the base model's, if it has one."""

    size: int
    chat_template: str | None


def identify(path: Path, kind: str = "model") -> FileId:
    """The GGUF file at `path`, by its first bytes. kind: what errors call it. Raises LintuneError."""
    try:
        with path.open("rb") as file:
            start = file.read(len(_MAGIC))
        stat = path.stat()
    except FileNotFoundError:
        raise LintuneError(f"There is no {kind} file {path}. Train the recipe, or export the run again.") from None
    except IsADirectoryError:
        raise LintuneError(f"{path} is a folder. Give the path of a .gguf file.") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        why = getattr(error, "strerror", None) or error
        raise LintuneError(f"The {kind} file {path} could not be read: {why}.") from error
    if start != _MAGIC:
        raise LintuneError(f"{path} is no GGUF file. Give the path of a .gguf file, as `lintune export` writes.")
    return FileId(path, stat.st_ino, stat.st_size, stat.st_mtime_ns)


def read_head(path: Path) -> tuple[dict[str, Any], Heads]:
    """A model's metadata and the shapes of its tensors. Raises LintuneError, also for an adapter."""
    fields, heads = _head(path)
    if fields.get("general.type") == "adapter":
        raise LintuneError(f"{path} is an adapter, no whole model. Load it on its base model.")
    if not heads.tensors:
        raise LintuneError(f"{path} holds no weights. Export the run again.")
    return fields, heads


def cell_bytes(fields: dict[str, Any]) -> int:
    """Memory that a token takes in a model's context, as its metadata say; 0 where they do not say."""
    architecture = fields.get("general.architecture")

    def each(key: str, default: float) -> list[float]:
        value = fields.get(f"{architecture}.{key}", default)
        return value if isinstance(value, list) else [value]

    layers = int(each("block_count", 0)[0])
    heads = each("attention.head_count", 0)[0]
    width = each("embedding_length", 0)[0]
    if not (layers and heads and width):
        return 0
    groups = each("attention.head_count_kv", heads)
    length = sum(each(f"attention.{name}_length", width / heads)[0] for name in ("key", "value"))
    in_all = sum(groups) if len(groups) == layers else groups[0] * layers
    return math.ceil(in_all * length * _CELL_TYPE_BYTES)


def read_adapter(path: Path, base: Path) -> AdapterFacts:
    """Check that an adapter is whole and fits the base model; raises LintuneError, with what is wrong."""
    adapter = _read_whole(path)
    value = adapter.fields.get
    if value("general.type") != "adapter" or value("adapter.type") != "lora":
        raise LintuneError(f"{path} is no LoRA adapter (its general.type is {value('general.type')!r}).")
    alpha = value("adapter.lora.alpha")
    if not isinstance(alpha, float) or not math.isfinite(alpha):
        raise LintuneError(f"The adapter {path} says no scale (adapter.lora.alpha). Write it again.")
    fields, heads = _head(base)
    architecture, wanted = value("general.architecture"), fields.get("general.architecture")
    if architecture != wanted:
        raise LintuneError(f"The adapter {path} is for {architecture} models; {base.name} is a {wanted} model.")
    tokens, known = value(f"{architecture}.vocab_size"), fields.get("tokenizer.ggml.tokens")
    if tokens is not None and tokens != known:
        raise LintuneError(
            f"The adapter {path} was trained with a tokenizer of {tokens} tokens; that of {base.name} has {known}. "
            "It would read other tokens than it learned: export the run, and ask the exported model."
        )
    if strange := adapter.types.difference(_ADAPTER_TYPES):
        raise LintuneError(
            f"The adapter {path} holds numbers of the type {min(strange)}. They must be F32, F16 or BF16."
        )
    _check_shapes(path, base, adapter.shapes, heads)
    template = value(_CHAT_TEMPLATE)
    return AdapterFacts(adapter.size, template if isinstance(template, str) else None)


@dataclass(frozen=True, slots=True)
class _Whole:
    """All that a small GGUF file says. shapes: outermost dimension first. size: of its tensors, in bytes."""

    fields: dict[str, Any]
    shapes: dict[str, tuple[int, ...]]
    types: set[str]
    size: int


def _read_whole(path: Path) -> _Whole:
    from gguf import GGUFReader

    try:
        reader = GGUFReader(path)
        return _Whole(
            {key: field.contents() for key, field in reader.fields.items() if not key.startswith("GGUF.")},
            {tensor.name: tuple(map(int, reversed(tensor.shape))) for tensor in reader.tensors},
            {tensor.tensor_type.name for tensor in reader.tensors},
            sum(int(tensor.n_bytes) for tensor in reader.tensors),
        )
    except (OSError, ValueError, LookupError, ArithmeticError, TypeError, struct.error, MemoryError) as error:
        raise LintuneError(f"The adapter {path} ends early or is damaged. Write it again.") from error


def _check_shapes(path: Path, base: Path, shapes: dict[str, tuple[int, ...]], heads: Heads) -> None:
    names = {name.removesuffix(_DOWN).removesuffix(_UP) for name in shapes}
    if not names:
        raise LintuneError(f"The adapter {path} holds no matrices. Write it again.")
    for name in sorted(names):
        down, up = shapes.get(name + _DOWN), shapes.get(name + _UP)
        if down is None or up is None:
            raise LintuneError(f"The adapter {path} has only one half of {name}. Write it again.")
        target = heads.tensors.get(name)
        if target is None:
            raise LintuneError(f"The adapter {path} changes {name}, which {base.name} has not. {_OTHER_BASE}")
        # llama.cpp keeps the lower matrix of embeddings the other way round; it checks those itself.
        if name == "token_embd.weight":
            continue
        if len(down) != 2 or len(up) != 2 or down[0] != up[1] or (up[0], down[1]) != target:
            has = f"{up[0]} × {down[-1]}" if len(up) == 2 else "another number of dimensions"
            raise LintuneError(
                f"The adapter {path} does not fit {base.name}: {name} is {' × '.join(map(str, target))} there, and "
                f"{has} in the adapter. {_OTHER_BASE}"
            )


_OTHER_BASE = "It was trained on another base model; load it on that one."


def _head(path: Path) -> tuple[dict[str, Any], Heads]:
    try:
        return model_heads.of_gguf(path)
    except OSError as error:
        raise LintuneError(f"The model file {path} could not be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise LintuneError(
            f"llama.cpp cannot load {path}: {error}. If the file is damaged, export it again."
        ) from error
