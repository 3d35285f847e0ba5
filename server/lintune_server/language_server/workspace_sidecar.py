"""The workspace's sidecar: a base model with the adapters that are asked, started at the first question."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from lintune_schemas.errors import LintuneError
from lintune_server.language_server.preview import Answer, ModelFile
from lintune_server.sidecar.protocol import Adapted
from lintune_server.sidecar.supervisor import Sidecar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lintune_server.language_server.preview import Model, Priority, Question
    from lintune_server.sidecar.client import SidecarClient
    from lintune_server.sidecar.protocol import Source

_T = TypeVar("_T")

_CONTEXT = 4096
"""Tokens of prompt and answer together, at least."""
_LARGEST_CONTEXT = 2**20
_MOST_ADAPTERS = 4
"""In memory: the last ones asked. One of rank 64 for a model of 8B parameters has 700 MB."""


@dataclass(frozen=True, slots=True)
class Served:
    """Where models answer to anybody who has the key."""

    url: str
    """Base URL for clients of OpenAI's API. Another one when the process was started anew."""
    key: str
    ids: tuple[str, ...]
    """What the process calls the models."""


class WorkspaceSidecar:
    """Answers with the models of one recipe at a time. A question for a model on another base ends the process and
    starts a new one; an adapter more is loaded by the one that runs.

    An idle sidecar ends by itself and is started again when needed; so is one that was killed.
    """

    def __init__(self) -> None:
        self._sidecar: Sidecar | None = None
        self._key = secrets.token_urlsafe(32)
        """The same for each process: who was told it need not be told again."""
        self._files: dict[ModelFile, str] = {}
        """The GGUF files that it has, and their ids."""
        self._context = 0
        self._adapters: OrderedDict[Model, str] = OrderedDict()
        """Those that are loaded, and their ids; the last one asked is the last."""
        self._preparing = asyncio.Lock()
        self._era = 0
        """Counts how often it was closed."""

    async def ask(self, question: Question, priority: Priority, heard: Callable[[str], None]) -> Answer:
        """heard: told what has come so far. Raises LintuneError: no such file, the serve extra is missing, closed
        meanwhile, and so on."""
        # Who does not wait for the answer any more has not changed his mind about the process.
        preparing = asyncio.ensure_future(self._prepare([question.model], self._era))
        sidecar, (id_,) = await asyncio.shield(_seen(preparing))
        return await sidecar.ask(lambda client: _stream(client, question, id_, priority, heard))

    async def serve(self, models: Sequence[Model]) -> Served:
        """Have some models in memory together, for others to ask. Raises LintuneError, as `ask` does.

        models: at least one, and no more than are kept.
        """
        if len(models) > _MOST_ADAPTERS:
            raise LintuneError(f"No more than {_MOST_ADAPTERS} models are kept in memory. Choose fewer.")
        preparing = asyncio.ensure_future(self._prepare(models, self._era))
        sidecar, ids = await asyncio.shield(_seen(preparing))
        await sidecar.ask(lambda client: client.models())  # it may have been killed, and nobody noticed yet
        if sidecar.url is None:
            raise LintuneError("The model's process ended as soon as it was started. Try again.")
        return Served(sidecar.url, self._key, ids)

    async def close(self) -> None:
        """Stop the sidecar. It is gone when this returns; a question that comes later starts another one."""
        sidecar, self._sidecar = self._sidecar, None
        self._era += 1
        if sidecar:
            await sidecar.stop()

    async def forget(self, folder: Path) -> None:
        """Let go of all model files in a folder, which is about to be deleted."""
        async with self._preparing:
            if any(file.path.is_relative_to(folder) for file in self._files):
                await self.close()
            for gone in [one for one in self._adapters if one.path.is_relative_to(folder)]:
                id_ = self._adapters.pop(gone)
                if self._sidecar:
                    await self._sidecar.unload_adapter(id_)

    async def _prepare(self, models: Sequence[Model], era: int) -> tuple[Sidecar, tuple[str, ...]]:
        """A sidecar that runs, and the ids by which it has the models."""
        async with self._preparing:
            if era != self._era:
                raise LintuneError("The model's process was stopped while it was asked.")
            sidecar = await self._with_files(models)
            await sidecar.client()
            return sidecar, tuple([await self._id_of(model, sidecar) for model in models])

    async def _with_files(self, models: Sequence[Model]) -> Sidecar:
        """The sidecar, started anew unless it has the models' GGUF files, and room for their context."""
        for model in models:
            _require_same(model.file)
        context = min(max(_CONTEXT, *(model.context for model in models)), _LARGEST_CONTEXT)
        has_them = all(model.file in self._files for model in models)
        if self._sidecar is not None and has_them and context <= self._context:
            return self._sidecar
        before = self._sidecar
        files = [file for model in models for file in (model.file, *model.beside)]
        first, *others = [file for file in dict.fromkeys(files) if file == models[0].file or file.path.is_file()]
        assert first == models[0].file
        self._files = _named(models[0], others)
        self._adapters.clear()
        self._context = context
        sources: dict[str, Source] = {id_: file.path for file, id_ in self._files.items()}
        sidecar = self._sidecar = Sidecar(sources, context=context, token=self._key)
        if before:  # first, so that two base models are never in memory together
            await before.stop()
        if self._sidecar is not sidecar:
            raise LintuneError("The model's process was stopped while it was asked.")
        return sidecar

    async def _id_of(self, model: Model, sidecar: Sidecar) -> str:
        """Raises LintuneError when the model's adapter cannot be loaded."""
        for gone in [one for one in self._adapters if not one.path.is_file()]:  # a restart could not load it
            await sidecar.unload_adapter(self._adapters.pop(gone))
        if model.adapter is None:
            return self._files[model.file]
        id_ = self._adapters.get(model)
        if id_ is None:
            _require_same(model.adapter)
            id_ = _free_name(model.id, {*self._files.values(), *self._adapters.values()})
            try:
                await sidecar.load_adapter(id_, Adapted(self._files[model.file], model.adapter.path))
            except LintuneError:
                await sidecar.unload_adapter(id_)
                raise
            self._adapters[model] = id_
        self._adapters.move_to_end(model)
        while len(self._adapters) > _MOST_ADAPTERS:
            await sidecar.unload_adapter(self._adapters.popitem(last=False)[1])
        return id_


def _seen(work: asyncio.Future[_T]) -> asyncio.Future[_T]:
    """Tell asyncio that somebody looks at what goes wrong, also when nobody waits any more."""
    work.add_done_callback(lambda done: done.cancelled() or done.exception())
    return work


async def _stream(
    client: SidecarClient, question: Question, id_: str, priority: Priority, heard: Callable[[str], None]
) -> Answer:
    text, speed, reason = "", 0.0, "stop"
    heard(text)
    pieces = client.stream(
        question.prompt,
        model=id_,
        max_tokens=question.max_tokens,
        temperature=question.temperature,
        stop=question.stop,
        priority=priority,
    )
    async with aclosing(pieces):
        async for piece in pieces:
            text += piece.text
            heard(text)
            speed = piece.tokens_per_second or speed
            reason = piece.finish_reason or reason
    return Answer(text, speed, reason != "length")


def _require_same(file: ModelFile) -> None:
    """Raise LintuneError unless the file is as it was found."""
    if ModelFile.of(file.path) != file:
        raise LintuneError(f"The model file {file.path} was written anew while it was asked. Ask again.")


def _named(model: Model, others: list[ModelFile]) -> dict[ModelFile, str]:
    """Ids for GGUF files that are loaded together, the one that is asked first."""
    names = {model.file: "base" if model.adapter else model.id}
    for file in others:
        names[file] = _free_name("base" if "base" not in names.values() else "tuned", set(names.values()))
    return names


def _free_name(wanted: str, taken: set[str]) -> str:
    """An id that no model has: steps of two runs are checkpoints of one name."""
    number = 1
    name = wanted
    while name in taken:
        number += 1
        name = f"{wanted}.{number}"
    return name
