"""From an adapter to files that other programs run: merged safetensors, then GGUF in each quantization."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from lintune_schemas import atomic, model_files, runs
from lintune_schemas.chat_template import TemplateError
from lintune_schemas.errors import LintuneError
from lintune_schemas.events import ArtefactKind
from lintune_trainer import adapter_gguf, base_gguf, importance, merging, models
from lintune_trainer.gguf_files import CONVERTED, Origin, convert, quantize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_schemas.base_model import BaseModel
    from lintune_schemas.chat import ChatTokenizer
    from lintune_trainer.importance import Importance
    from lintune_trainer.run import Run

IMPORTANCE = "imatrix.gguf"
"""How much each input of a matrix matters on the training data, where a recipe asks for it."""

NO_LLAMA_CPP = (
    "llama-cpp-python is not installed, so the model was only written as {written}, and not compared with "
    "what was trained. Install it with: pip install 'lintune[serve]'. Then: lintune export {run}"
)


def adapter_folder(run: Path) -> Path:
    return run / "adapter"


def merged_folder(run: Path) -> Path:
    return run / "merged"


def gguf_file(run: Path, quantization: str) -> Path:
    return run / f"model-{quantization}.gguf"


def has_llama_cpp() -> bool:
    """Whether the serve extra is installed."""
    return find_spec("llama_cpp") is not None


def write(
    run: Run,
    base: BaseModel,
    weights: Path,
    chat: ChatTokenizer,
    quantizations: Sequence[str],
    samples: Sequence[Sequence[int]] | None = None,
) -> list[Path]:
    """Write merged/, the f16 file and those quantizations; what is there already is kept.

    weights: the base model's folder. samples: in tokens, for an importance matrix; None for none. Returns the GGUF
    files asked for, or only f16 where llama.cpp is missing (a warning says so).
    """
    merged = merged_folder(run.folder)
    origin = _origin(run, base, weights, chat)
    if not merged.is_dir():
        merge(weights, adapter_folder(run.folder), model_files.tokenizer_folder(base), chat, merged)
        run.artefact(ArtefactKind.MERGED, merged)
    f16 = gguf_file(run.folder, "f16")
    if not f16.is_file():
        convert(merged, f16, "f16", origin)
        run.artefact(ArtefactKind.GGUF, f16, "f16")
    if not has_llama_cpp():
        run.warn(NO_LLAMA_CPP.format(written=f16.name, run=run.folder))
        return [f16]
    matrix = None
    if samples is not None and set(quantizations) - CONVERTED.keys():
        matrix = _importance(run, merged, f16, samples)
    written = []
    for quantization in quantizations:
        gguf = gguf_file(run.folder, quantization)
        if not gguf.is_file():
            if quantization in CONVERTED:
                convert(merged, gguf, quantization, origin)
            else:
                quantize(f16, gguf, quantization, matrix)
            run.artefact(ArtefactKind.GGUF, gguf, quantization)
        written.append(gguf)
    return written


def _importance(run: Run, merged: Path, f16: Path, samples: Sequence[Sequence[int]]) -> Importance:
    path = run.folder / IMPORTANCE
    if not path.is_file():
        importance.write(importance.measure(merged, f16, samples), path)
    return importance.read(path)


def require_base(run: Run, base: BaseModel, weights: Path) -> None:
    """Have the base model as GGUF, so that checkpoints can be tried while the training goes on, where that can be."""
    try:
        base_gguf.require(base, weights)
    except LintuneError as error:
        run.warn_once(f"Checkpoints cannot be tried while the training goes on: {error}")


def write_adapter(run: Run, weights: Path) -> None:
    """Write the adapter alone for llama.cpp, where that can be done; what is there already is kept."""
    gguf = run.folder / runs.ADAPTER_GGUF
    if gguf.is_file() or not adapter_gguf.try_to_write(adapter_folder(run.folder), weights, gguf, run.warn_once):
        return
    run.artefact(ArtefactKind.ADAPTER_GGUF, gguf)


def _origin(run: Run, base: BaseModel, weights: Path, chat: ChatTokenizer) -> Origin:
    eos = chat.special_tokens.get(chat.eos_token or "")
    hub_id = models.hub_id(base.name, weights)
    return Origin(
        name=f"{Path(base.name).name} {run.name}",
        run=run.name,
        base=hub_id or base.name,
        base_url=f"https://huggingface.co/{hub_id}" if hub_id else None,
        licence=models.licence(weights),
        end_tokens=tuple(token for token in chat.end_tokens.values() if token != eos),
        template_writes_bos=writes_bos(chat),
    )


def writes_bos(chat: ChatTokenizer) -> bool:
    """Whether the chat template begins a conversation with BOS."""
    bos = chat.special.get("bos_token")
    if chat.template is None or not bos:
        return False
    try:
        text = chat.template.render([{"role": "user", "content": "?"}], add_generation_prompt=True)
    except TemplateError:  # it wants another beginning; the proof looks at real samples
        return False
    return text.startswith(bos)


def merge(weights: Path, adapter: Path, tokenizer: Path, chat: ChatTokenizer, merged: Path) -> None:
    """Add the adapter to the base model's full-precision weights and write the whole as transformers reads it.

    What was trained against may be a 4-bit copy of these, and merging into that would keep the errors of the
    quantization. Raises as `merging.merge` does.
    """
    generation = weights / "generation_config.json"
    settings = json.loads(generation.read_text(encoding="utf-8")) if generation.is_file() else {}
    if chat.end_tokens:
        settings["eos_token_id"] = sorted(chat.end_tokens.values())
    with atomic.new_folder(merged) as partial:
        merging.merge(weights, adapter, partial)
        (partial / "generation_config.json").write_text(json.dumps(settings, indent=2), encoding="utf-8")
        models.copy_tokenizer(tokenizer, partial, chat.template.source if chat.template else None)
