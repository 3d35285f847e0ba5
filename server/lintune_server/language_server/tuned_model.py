"""The workspace's sidecar: started at the first question, for the model that the question is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas import recipe as recipes
from lintune_schemas import runs
from lintune_schemas.errors import LintuneError
from lintune_server.language_server.preview import Answer
from lintune_server.sidecar.supervisor import Sidecar

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_server.language_server.preview import Question

_CONTEXT = 4096
"""Tokens of prompt and answer together, at least."""
_LARGEST_CONTEXT = 2**20

_File = tuple["Path", int, int, int]
"""A model file as it was found: path, inode, size, time. A file that was written anew is another one."""


class TunedModel:
    """Answers with one model at a time. A question for another one ends the sidecar and starts a new one.

    An idle sidecar ends by itself and is started again when needed; so is one that was killed.
    """

    def __init__(self) -> None:
        self._sidecar: Sidecar | None = None
        self._file: _File | None = None

    async def complete(self, question: Question) -> Answer:
        """Raises LintuneError: no such file, the serve extra is missing, closed meanwhile, and so on."""
        file = _found(question.model)
        if self._sidecar is None or file != self._file:
            before = self._sidecar
            self._sidecar = Sidecar({"tuned": question.model}, context=_context(question))
            self._file = file
            sidecar = self._sidecar
            if before:  # first, so that two models are never in memory together
                await before.stop()
            if self._sidecar is not sidecar:
                raise LintuneError("The model's process was stopped while it was asked.")
        completion = await self._sidecar.ask(
            lambda client: client.complete(
                question.prompt,
                max_tokens=question.max_tokens,
                temperature=question.temperature,
                stop=question.stop,
            )
        )
        return Answer(completion.text, completion.tokens_per_second)

    async def close(self) -> None:
        """Stop the sidecar. It is gone when this returns; a question that comes later starts another one."""
        sidecar, self._sidecar, self._file = self._sidecar, None, None
        if sidecar:
            await sidecar.stop()


def _found(model: Path) -> _File:
    try:
        stat = model.stat()
    except OSError as error:
        raise LintuneError(
            f"The model file {model} could not be read ({error.strerror}). Train the recipe again."
        ) from error
    return model, stat.st_ino, stat.st_size, stat.st_mtime_ns


def _context(question: Question) -> int:
    """Room for the longest sample that the model's run could learn, and for an answer."""
    try:
        learned = recipes.load(question.model.parent / runs.RECIPE_LOCK).sequence_len
    except LintuneError:
        learned = 0
    return min(max(_CONTEXT, learned + question.max_tokens), _LARGEST_CONTEXT)
