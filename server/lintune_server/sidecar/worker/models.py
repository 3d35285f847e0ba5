"""The models that this process can answer with, by id; each loaded when it is first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas.errors import LintuneError
from lintune_server.sidecar.worker.model import Model, ModelError
from lintune_server.sidecar.worker.problems import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

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

    files: where each model is; the first one answers requests that name none. context, threads: of each
    `Model`.
    """

    def __init__(self, files: Mapping[str, Path], *, context: int, threads: int) -> None:
        self._files = dict(files)
        self._context = context
        self._threads = threads
        self._loaded: dict[str, Model] = {}

    @property
    def ids(self) -> list[str]:
        return list(self._files)

    def known(self, id_: str | None) -> str:
        """The id itself, or that of the first model. Raises ApiError when there is no such model."""
        if id_ is None:
            return next(iter(self._files))
        if id_ not in self._files:
            raise ApiError(
                404,
                "model_not_found",
                f"There is no model {id_!r} here. Ask one of: {', '.join(self._files)}.",
                "model",
            )
        return id_

    def get(self, id_: str) -> Model:
        """The model with a known id, loaded now if need be. Raises ApiError."""
        model = self._loaded.get(id_)
        if model is None:
            try:
                check(self._files[id_])
                model = Model(self._files[id_], context=self._context, threads=self._threads)
            except ModelError as error:
                raise ApiError(500, "model_not_loaded", str(error)) from error
            except LintuneError as error:
                raise ApiError(500, "model_file", str(error)) from error
            self._loaded[id_] = model
        return model

    def close(self) -> None:
        while self._loaded:
            self._loaded.popitem()[1].close()
