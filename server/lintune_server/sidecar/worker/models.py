"""The models that this process can answer with, by id. Each file is loaded when it is first asked for, and only once.

All on the model thread, but for `ids` and `known`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lintune_schemas.errors import LintuneError
from lintune_schemas.processor import memory
from lintune_server.sidecar.protocol import Adapted
from lintune_server.sidecar.worker import gguf_files
from lintune_server.sidecar.worker.engine import Engine, bytes_needed
from lintune_server.sidecar.worker.model import ModelError
from lintune_server.sidecar.worker.problems import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lintune_schemas.chat_template import ChatTemplate
    from lintune_server.sidecar.protocol import Source
    from lintune_server.sidecar.worker.gguf_files import FileId
    from lintune_server.sidecar.worker.model import Adapter

_GB = 10**9
_UNKNOWN = 2**62
"""Free memory where the system does not tell it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What an id stands for, in memory."""

    engine: Engine
    adapter: Adapter | None

    @property
    def chat_template(self) -> ChatTemplate | None:
        """The adapter's, if its file has one; else the model's. Raises TemplateError."""
        own = self.adapter.chat_template if self.adapter else None
        return own or self.engine.model.chat_template


class Models:
    """sources: what each id stands for; the first one answers requests that name none.

    context, threads: of each `Engine`. most_bytes: memory that models may take together; None for half of what is
    free, or all of it for one alone. unload_seconds: a model that nobody has asked for that long is unloaded; 0 for
    never.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        *,
        context: int,
        threads: int,
        most_bytes: int | None = None,
        unload_seconds: float = 0.0,
    ) -> None:
        self._sources = dict(sources)
        self._context = context
        self._threads = threads
        self._most_bytes = most_bytes
        self._unload_seconds = unload_seconds
        self._engines: dict[FileId, Engine] = {}

    @property
    def ids(self) -> list[str]:
        return list(self._sources)

    def base_of(self, id_: str) -> str | None:
        """The id of the model that an adapter is on; None of a whole model."""
        source = self._sources.get(id_)
        return source.base if isinstance(source, Adapted) else None

    def known(self, id_: str | None) -> str:
        """The id itself, or that of the first model. Raises ApiError when there is no such model."""
        ids = self.ids
        if id_ is None and ids:
            return ids[0]
        if id_ not in ids or id_ is None:
            raise ApiError(
                404, "model_not_found", f"There is no model {id_!r} here. Ask one of: {', '.join(ids)}.", "model"
            )
        return id_

    def get(self, id_: str) -> Choice:
        """What an id stands for, loaded now if need be. Raises ApiError."""
        source = self._sources[self.known(id_)]
        if not isinstance(source, Adapted):
            return Choice(self._engine(source), None)
        engine = self._engine(self._base(id_, source.base))
        try:
            return Choice(engine, engine.adapter(gguf_files.identify(source.adapter, "adapter")))
        except LintuneError as error:
            raise ApiError(500, "adapter_not_loaded", str(error)) from error

    def load_adapter(self, id_: str, adapted: Adapted) -> None:
        """Answer as `id_` with an adapter from now on, which is loaded now. Raises ApiError, and changes nothing."""
        if id_ in self._sources and not isinstance(self._sources[id_], Adapted):
            message = f"{id_} is a whole model here. Give the adapter another name."
            raise ApiError(400, "not_an_adapter", message, "lora_name")
        engine = self._engine(self._base(id_, adapted.base))
        try:
            engine.adapter(gguf_files.identify(adapted.adapter, "adapter"))
        except LintuneError as error:
            raise ApiError(400, "adapter_not_loaded", str(error), "lora_path") from error
        self._sources[id_] = adapted
        self._free_adapters()

    def unload_adapter(self, id_: str) -> None:
        """Know nothing of an adapter any more. Raises ApiError when there is none of that id."""
        if not isinstance(self._sources.get(id_), Adapted):
            raise ApiError(404, "adapter_not_found", f"There is no adapter {id_!r} here.", "lora_name")
        del self._sources[id_]
        self._free_adapters()

    def unload_idle(self) -> None:
        """Free what nobody has asked for long, and adapters that nobody can ask for."""
        self._free_adapters()
        if self._unload_seconds:
            before = time.monotonic() - self._unload_seconds
            for engine in list(self._engines.values()):
                if not engine.busy and engine.used < before:
                    self._unload(engine)

    def close(self) -> None:
        for engine in list(self._engines.values()):
            self._unload(engine)

    def _base(self, id_: str, base: str) -> Path:
        source = self._sources.get(base)
        if isinstance(source, Path):
            return source
        message = f"{id_} is an adapter on {base}, which is no model here. Models: {', '.join(self.ids)}."
        raise ApiError(404, "model_not_found", message, "base_model_name")

    def _engine(self, path: Path) -> Engine:
        try:
            file = gguf_files.identify(path)
            engine = self._engines.get(file)
            if engine is None:
                self._make_room(file)
                engine = self._engines[file] = Engine(file, context=self._context, threads=self._threads)
        except ModelError as error:
            raise ApiError(500, "model_not_loaded", str(error)) from error
        except LintuneError as error:
            raise ApiError(500, "model_file", str(error)) from error
        engine.used = time.monotonic()
        return engine

    def _make_room(self, file: FileId) -> None:
        """Unload models, those that were asked longest ago first, until another one fits. Raises ApiError."""
        needed = bytes_needed(file, self._context)
        free = memory()[1] or _UNKNOWN
        loaded = sum(engine.bytes for engine in self._engines.values())
        alone = self._most_bytes if self._most_bytes is not None else free + loaded
        if needed > alone:
            raise ApiError(
                503,
                "out_of_memory",
                f"{file.path.name} needs {needed / _GB:.1f} GB with room for {self._context:,} tokens, and there are "
                f"{alone / _GB:.1f} GB for it. Give a smaller --context, or more by --memory-gb if the machine has it.",
            )
        most = self._most_bytes if self._most_bytes is not None else (free + loaded) // 2
        for engine in sorted(self._engines.values(), key=lambda engine: engine.used):
            if loaded + needed <= most:
                return
            if not engine.busy:
                loaded -= engine.bytes
                self._unload(engine)
        if loaded and loaded + needed > alone:
            raise ApiError(
                503,
                "busy",
                f"{file.path.name} does not fit beside the models that are answering right now. Ask again in a moment.",
            )

    def _free_adapters(self) -> None:
        keep: set[FileId] = set()
        for source in self._sources.values():
            if isinstance(source, Adapted):
                try:
                    keep.add(gguf_files.identify(source.adapter))
                except LintuneError:  # it is gone, or being written anew: who asks for it is told
                    continue
        for engine in self._engines.values():
            engine.free_adapters(keep)

    def _unload(self, engine: Engine) -> None:
        del self._engines[engine.file]
        engine.close()
