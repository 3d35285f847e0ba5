"""The models that this process can answer with, by id; each loaded when it is first asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lintune_schemas.errors import LintuneError
from lintune_server.sidecar.protocol import Adapted
from lintune_server.sidecar.worker.model import Model, ModelError
from lintune_server.sidecar.worker.problems import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lintune_server.sidecar.protocol import Source

_MAGIC = b"GGUF"


def check(path: Path) -> None:
    """Raise LintuneError when there is no GGUF file at `path`, by its first bytes."""
    try:
        with path.open("rb") as file:
            start = file.read(len(_MAGIC))
    except FileNotFoundError:
        raise LintuneError(f"There is no model file {path}. Train the recipe, or export the run again.") from None
    except IsADirectoryError:
        raise LintuneError(f"{path} is a folder. Give the path of a .gguf file.") from None
    except OSError as error:
        raise LintuneError(f"The model file {path} could not be read: {error.strerror}.") from error
    if start != _MAGIC:
        raise LintuneError(f"{path} is no GGUF file. Give the path of a .gguf file, as `lintune export` writes.")


class Models:
    """Loaded models by id. `get` only on the model thread.

    sources: where each model is; the first one answers requests that name none. context, threads: of each
    `Model`.
    """

    def __init__(self, sources: Mapping[str, Source], *, context: int, threads: int) -> None:
        self._sources = dict(sources)
        self._context = context
        self._threads = threads
        self._loaded: dict[Path, Model] = {}

    @property
    def ids(self) -> list[str]:
        return list(self._sources)

    def known(self, id_: str | None) -> str:
        """The id itself, or that of the first model. Raises ApiError when there is no such model."""
        if id_ is None:
            return next(iter(self._sources))
        if id_ not in self._sources:
            raise ApiError(
                404,
                "model_not_found",
                f"There is no model {id_!r} here. Ask one of: {', '.join(self._sources)}.",
                "model",
            )
        return id_

    def get(self, id_: str) -> Model:
        """The model with a known id, loaded now if need be. Raises ApiError."""
        source = self._sources[self.known(id_)]
        if isinstance(source, Adapted):
            model = self._load(self._file_of(source.base))
            try:
                check(source.adapter)
                model.use(source.adapter)
            except LintuneError as error:
                raise ApiError(500, "model_not_loaded", str(error)) from error
            return model
        model = self._load(source)
        model.use(None)
        return model

    def add(self, id_: str, adapted: Adapted) -> None:
        """Answer as `id_` with an adapter. Raises ApiError."""
        self._file_of(adapted.base)
        try:
            check(adapted.adapter)
        except LintuneError as error:
            raise ApiError(400, "adapter_not_loaded", str(error), "lora_path") from error
        if isinstance(self._sources.get(id_), Path):
            raise ApiError(
                400, "not_an_adapter", f"{id_} is a model of its own. Give the adapter another name.", "lora_name"
            )
        self._sources[id_] = adapted

    def remove(self, id_: str) -> None:
        """Forget an adapter. Raises ApiError."""
        if not isinstance(self._sources.get(id_), Adapted):
            raise ApiError(404, "adapter_not_found", f"There is no adapter {id_!r} here.", "lora_name")
        del self._sources[id_]

    def _file_of(self, base: str) -> Path:
        source = self._sources.get(base)
        if not isinstance(source, Path):
            raise ApiError(404, "model_not_found", f"There is no base model {base!r} here.", "base_model_name")
        return source

    def _load(self, path: Path) -> Model:
        model = self._loaded.get(path)
        if model is None:
            try:
                check(path)
                model = Model(path, context=self._context, threads=self._threads)
            except ModelError as error:
                raise ApiError(500, "model_not_loaded", str(error)) from error
            except LintuneError as error:
                raise ApiError(500, "model_file", str(error)) from error
            self._loaded[path] = model
        return model

    def close(self) -> None:
        while self._loaded:
            self._loaded.popitem()[1].close()
