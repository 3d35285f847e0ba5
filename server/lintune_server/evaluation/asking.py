"""Asking both models about every sample, several at once; what was answered before is not asked again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lintune_schemas.cache import Cache
from lintune_schemas.errors import LintuneError
from lintune_schemas.evaluation_report import LeftOut
from lintune_server import sidecar as sidecar_package
from lintune_server.evaluation.models import BASE, TUNED
from lintune_server.sidecar.client import SidecarError
from lintune_server.sidecar.protocol import Adapted
from lintune_server.sidecar.supervisor import Sidecar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from lintune_server.evaluation.eval_set import EvalSample, Scored
    from lintune_server.evaluation.models import Compared
    from lintune_server.sidecar.client import SidecarClient

_AT_ONCE = 8
"""Requests: more than a sidecar writes answers at a time, so that it never waits for us."""
ROOM = 32
"""Tokens that an answer may have beyond twice its reference: a short answer in other words is one, too."""
_CACHE = Cache("answers", Path(sidecar_package.__file__).parent)
_TOO_LONG = "context_length_exceeded"


class Answered(msgspec.Struct, frozen=True):
    """What a model did with a sample."""

    text: str | None = None
    """Its greedy answer; None where there is no question."""
    stopped: bool | None = None
    tokens: int | None = None
    tokens_per_second: float | None = None
    nats: float | None = None
    """Negative log-likelihood of the reference, summed over the learned tokens."""
    rejected_nats: float | None = None
    """Of a preference pair: that of the worse answer."""


class _Said(msgspec.Struct, frozen=True):
    text: str
    stopped: bool
    tokens: int
    tokens_per_second: float


@dataclass(frozen=True, slots=True)
class Asking:
    """How to ask. max_tokens: of an answer; None for twice its reference and `ROOM` more. context: tokens of prompt
    and answer together. stop: texts at which an answer ends, beside the model's own end tokens."""

    max_tokens: int | None
    context: int
    stop: tuple[str, ...]

    def limit(self, sample: EvalSample) -> int:
        wanted = 2 * sample.reference_tokens + ROOM if self.max_tokens is None else self.max_tokens
        return min(wanted, self.context - len(sample.prompt_ids))


async def ask_all(
    compared: Compared,
    samples: Sequence[EvalSample],
    asking: Asking,
    on_progress: Callable[[str, int, int], None],
) -> tuple[dict[int, tuple[Answered, Answered]], list[LeftOut]]:
    """The answers of base and tuned model by the index of their sample, and the samples that are over the context of
    the model itself.

    on_progress: told the model's id, how many of its samples are done, and of how many. Raises LintuneError; what was
    answered until then is kept for the next time.
    """
    answers: dict[str, dict[int, Answered]] = {BASE: {}, TUNED: {}}
    too_long: dict[int, str] = {}
    async with Sidecar(compared.sources, context=asking.context, idle_seconds=0) as sidecar:
        for id_ in (BASE, TUNED):
            one = _Model(id_, _identity(compared, id_), sidecar, asking)
            wanted = [index for index in range(len(samples)) if index not in too_long]
            on_progress(id_, 0, len(wanted))

            async def ask(index: int, one: _Model = one) -> None:
                try:
                    answers[one.id][index] = await one.answered(samples[index])
                except SidecarError as error:
                    if error.code != _TOO_LONG:
                        raise
                    too_long[index] = str(error)

            try:
                await _each(wanted, ask, lambda done, id_=id_, wanted=wanted: on_progress(id_, done, len(wanted)))  # type: ignore[misc]
            except LintuneError as error:
                raise LintuneError(
                    f"{str(error).rstrip('.')}. What was answered so far is kept: the same command goes on from there."
                ) from error
    _CACHE.prune()
    whole = [index for index in range(len(samples)) if index in answers[BASE] and index in answers[TUNED]]
    return (
        {index: (answers[BASE][index], answers[TUNED][index]) for index in whole},
        [LeftOut(samples[index].path, samples[index].line, too_long[index]) for index in sorted(too_long)],
    )


async def _each(indices: Sequence[int], ask: Callable[[int], Awaitable[None]], on_done: Callable[[int], None]) -> None:
    """Ask about each, `_AT_ONCE` at a time. The first failure ends all."""
    left = iter(indices)
    done = 0

    async def work() -> None:
        nonlocal done
        for index in left:  # one iterator for all: each takes the next one
            await ask(index)
            done += 1
            on_done(done)

    workers = [asyncio.create_task(work()) for _ in range(min(_AT_ONCE, len(indices)))]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


class _Model:
    """One of the two, asked through the sidecar; or the cache."""

    def __init__(self, id_: str, identity: str, sidecar: Sidecar, asking: Asking) -> None:
        self.id = id_
        self._identity = identity
        self._sidecar = sidecar
        self._asking = asking

    async def answered(self, sample: EvalSample) -> Answered:
        """Raises LintuneError."""
        nats = await self._nats(sample.whole)
        rejected = await self._nats(sample.rejected) if sample.rejected else None
        if sample.prompt is None:
            return Answered(nats=nats, rejected_nats=rejected)
        said = await self._said(sample)
        return Answered(said.text, said.stopped, said.tokens, said.tokens_per_second, nats, rejected)

    async def _said(self, sample: EvalSample) -> _Said:
        limit = self._asking.limit(sample)
        asked = ("complete", self._identity, repr(sample.prompt_ids), repr((limit, self._asking.stop)))
        key = _CACHE.key_of(*asked)
        kept = _CACHE.get(key, _Said)
        if kept is not None:
            return kept

        async def complete(client: SidecarClient) -> _Said:
            found = await client.complete(
                sample.prompt_ids, model=self.id, max_tokens=limit, temperature=0.0, stop=self._asking.stop
            )
            stopped = found.finish_reason == "stop"
            return _Said(found.text, stopped, found.completion_tokens, found.tokens_per_second)

        said = await self._sidecar.ask(complete)
        _CACHE.put(key, said)
        return said

    async def _nats(self, scored: Scored) -> float:
        key = _CACHE.key_of("nats", self._identity, repr((scored.ids, scored.learned)))
        kept = _CACHE.get(key, float)
        if kept is not None:
            return kept
        likelihoods = await self._sidecar.ask(lambda client: client.logprobs(scored.ids, self.id))
        nats = -sum(likelihoods[place] or 0.0 for place in scored.learned)
        _CACHE.put(key, nats)
        return nats


def _identity(compared: Compared, id_: str) -> str:
    """The files that a model is made of, as they are now: one that was written anew is another model."""
    source = compared.sources[id_]
    files = [compared.base, source.adapter] if isinstance(source, Adapted) else [source]
    found = []
    for file in files:
        stat = file.stat()
        found.append((str(file), stat.st_ino, stat.st_size, stat.st_mtime_ns))
    return repr(found)
