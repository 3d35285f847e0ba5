"""The weights of one GGUF file, and the adapters on them. What is computed with them is in a `context`."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import llama_cpp

from lintune_schemas.chat_template import ChatTemplate
from lintune_schemas.errors import LintuneError
from lintune_server.sidecar.worker import gguf_files, llama_log
from lintune_server.sidecar.worker.vocabulary import Vocabulary

if TYPE_CHECKING:
    from lintune_server.sidecar.worker.gguf_files import FileId


class ModelError(LintuneError):
    """The model cannot be loaded, or cannot go on. Its text says what to do."""


class Adapter:
    """A LoRA adapter in memory, on a model. pointer: llama.cpp's; None once it is freed."""

    def __init__(self, pointer: llama_cpp.llama_adapter_lora_p, file: FileId, template: ChatTemplate | None) -> None:
        self.pointer: llama_cpp.llama_adapter_lora_p | None = pointer
        self.file = file
        self.chat_template = template

    def free(self) -> None:
        """No context may have it on. The model frees those that are left."""
        if self.pointer is not None:
            llama_cpp.llama_adapter_lora_free(self.pointer)
            self.pointer = None


class Model:
    """A GGUF file, loaded. Raises ModelError."""

    def __init__(self, file: FileId) -> None:
        try:
            self.fields, _ = gguf_files.read_head(file.path)
        except LintuneError as error:
            raise ModelError(str(error)) from error
        llama_log.forget_errors()
        llama_cpp.llama_backend_init()
        pointer = llama_cpp.llama_model_load_from_file(str(file.path).encode(), llama_cpp.llama_model_default_params())
        if not pointer:
            raise ModelError(
                f"llama.cpp cannot load {file.path}: {llama_log.first_error() or 'it does not say why'}. "
                "If the file is damaged, export it again; if memory is short, give a smaller --context."
            )
        if llama_cpp.llama_model_has_encoder(pointer) or not llama_cpp.llama_model_has_decoder(pointer):
            llama_cpp.llama_model_free(pointer)
            raise ModelError(f"{file.path} is no model that writes text from left to right.")
        self.file = file
        self.pointer = pointer
        self.vocabulary = Vocabulary(llama_cpp.llama_model_get_vocab(pointer))
        self.longest = int(llama_cpp.llama_model_n_ctx_train(pointer))
        """Tokens that it was trained for."""
        self.has_cells = not (llama_cpp.llama_model_is_recurrent(pointer) or llama_cpp.llama_model_is_hybrid(pointer))
        """Whether it remembers each token on its own, so that the end of a text can be forgotten."""

    def load_adapter(self, file: FileId) -> Adapter:
        """Put an adapter's weights beside the model's. Raises ModelError."""
        try:
            facts = gguf_files.read_adapter(file.path, self.file.path)
        except LintuneError as error:
            raise ModelError(str(error)) from error
        llama_log.forget_errors()
        pointer = llama_cpp.llama_adapter_lora_init(self.pointer, str(file.path).encode())
        if not pointer:
            cause = llama_log.first_error() or "it does not say why"
            raise ModelError(f"llama.cpp cannot load the adapter {file.path}: {cause.rstrip('.')}. Write it again.")
        return Adapter(pointer, file, self._template(facts.chat_template))

    @cached_property
    def chat_template(self) -> ChatTemplate | None:
        """The file's own. Raises TemplateError when it is no valid Jinja."""
        return self._template(self.fields.get("tokenizer.chat_template"))

    def close(self) -> None:
        """Free the weights, and all adapters on them. No context may be left."""
        llama_cpp.llama_model_free(self.pointer)

    def _template(self, source: str | None) -> ChatTemplate | None:
        return None if source is None else ChatTemplate(source, self.vocabulary.special_tokens)
