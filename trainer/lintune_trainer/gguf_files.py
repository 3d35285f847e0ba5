"""GGUF files of whole models: written by llama.cpp's converter, and quantized by llama.cpp."""

from __future__ import annotations

import ctypes
import logging
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lintune_schemas import atomic
from lintune_schemas.errors import LintuneError
from lintune_trainer import failures, sentencepiece_file
from lintune_trainer.quantizations import QUANTIZATIONS

if TYPE_CHECKING:
    from pathlib import Path

    from gguf import GGUFWriter

    from lintune_trainer.importance import Importance

CONVERTED = {"f16": "MOSTLY_F16", "bf16": "MOSTLY_BF16", "q8_0": "MOSTLY_Q8_0"}
"""What the converter writes itself, by `gguf.LlamaFileType`. All others are made from f16."""

RUN_KEY = "lintune.run"
"""In a file's metadata: the run that it comes from."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What the metadata of a GGUF file say of the model."""

    name: str
    run: str | None = None
    base: str | None = None
    base_url: str | None = None
    licence: str | None = None
    end_tokens: tuple[int, ...] = ()
    """Ids at which generation stops, beside the tokenizer's own EOS. The format has a place for two more."""
    template_writes_bos: bool = False
    """Whether the chat template begins with BOS: a program that adds the file's own would double it."""

    def write(self, writer: GGUFWriter) -> None:
        """Add it to a file whose metadata are not written yet."""
        if self.run:
            writer.add_string(RUN_KEY, self.run)
        if self.template_writes_bos:
            writer.add_add_bos_token(False)
        if self.licence:
            writer.add_license(self.licence)
        if self.base:
            writer.add_base_model_count(1)
            writer.add_base_model_name(0, self.base)
        if self.base_url:
            writer.add_base_model_repo_url(0, self.base_url)
        for add, token in zip((writer.add_eot_token_id, writer.add_eom_token_id), self.end_tokens, strict=False):
            add(token)


def convert(model: Path, gguf: Path, format_: str, origin: Origin) -> None:
    """Write a model folder as GGUF with llama.cpp's own converter, in this process: importing takes longer than it.

    format_: one of CONVERTED. Raises LintuneError for models that the converter does not know, OSError.
    """
    import torch
    from conversion import ModelBase, ModelType, get_model_architecture, get_model_class
    from gguf import LlamaFileType

    logging.getLogger("hf-to-gguf").setLevel(logging.WARNING)
    name = origin.name
    try:
        architecture = get_model_architecture(ModelBase.load_hparams(model, is_mistral_format=False), ModelType.TEXT)
        kind: Any = get_model_class(architecture)
        if architecture == "Phi3ForCausalLM" and "phi-3" not in name.lower():
            # By the name, llama.cpp knows that control tokens swallow white space behind them (llama-vocab.cpp).
            name = f"Phi-3 {name}"
        with atomic.new_file(gguf) as partial, sentencepiece_file.beside(model) as folder, torch.inference_mode():
            converter = kind(folder, LlamaFileType[CONVERTED[format_]], partial, model_name=name)
            converter.prepare_tensors()
            converter.prepare_metadata(vocab_only=False)
            writer: GGUFWriter = converter.gguf_writer
            origin.write(writer)
            writer.write_header_to_file(path=partial)
            writer.write_kv_data_to_file()
            writer.write_tensors_to_file()
            writer.close()
    except (NotImplementedError, RuntimeError, ValueError, KeyError, FileNotFoundError) as error:
        raise LintuneError(f"llama.cpp's converter cannot write this model as GGUF ({error}).") from error


def quantize(f16: Path, gguf: Path, quantization: str, importance: Importance | None = None) -> None:
    """Write a quantized copy of an f16 file. importance: how much each input of a matrix matters, by the names of the
    file's tensors. Raises LintuneError when llama.cpp cannot."""
    import llama_cpp

    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = QUANTIZATIONS[quantization]
    matrix = _imatrix(importance) if importance else None
    parameters.imatrix = matrix
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


def _imatrix(importance: Importance) -> Any:
    """As llama.cpp takes it: an array that a nameless entry ends."""
    import llama_cpp

    entries = (llama_cpp.llama_model_imatrix_data * (len(importance) + 1))()
    for entry, (name, values) in zip(entries, importance.items(), strict=False):
        entry.name = name.encode()
        entry.data = values.ctypes.data_as(ctypes.POINTER(ctypes.c_float))  # which holds the values
        entry.size = values.size
    return entries
