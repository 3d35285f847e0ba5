"""Which requests go on next: in turns, a token each, all that need the same weights in one batch.

Requests of a higher `priority` number wait while there is one of a lower number, wherever they are in their answers.
Of the same number, those of one model and adapter are a group; groups take turns, since switching the weights takes a
few milliseconds. In a batch each gets the token that it needs next, and those that still read their prompts share what
is left of it, so that a long prompt stops nobody.
"""

from __future__ import annotations

import time
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from lintune_server.sidecar.worker.context import BATCH, OUTPUTS, Aborted, NoRoom
from lintune_server.sidecar.worker.model import ModelError
from lintune_server.sidecar.worker.problems import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lintune_server.sidecar.worker.context import Chunk
    from lintune_server.sidecar.worker.generation import Generation

_TURN_BATCHES = 4
_TURN_SECONDS = 0.1
"""A group's turn is over after as many batches, or that time: switching an adapter takes 7 ms of the demo model, which
is most of a token's time."""


class Scheduler:
    """Its methods are for the model thread, but for `cancelled`."""

    def __init__(self) -> None:
        self._generations: list[Generation] = []
        self._turns: dict[object, int] = {}
        """By a group's weights, when its last turn was; larger is later."""
        self._clock = count(1)
        self._batch: list[tuple[Generation, Chunk]] = []
        """What is computed right now."""

    @property
    def busy(self) -> bool:
        return bool(self._generations)

    def add(self, generation: Generation) -> None:
        generation.engine.hold(generation)
        generation.begin()
        if not generation.over:
            self._generations.append(generation)

    def cancelled(self) -> None:
        """Some request is cancelled: a batch that only such ones wait for, or whose prompt takes long, is given up.

        From any thread.
        """
        batch = self._batch
        gone = [(generation, chunk) for generation, chunk in batch if generation.cancelled()]
        if gone and (len(gone) == len(batch) or any(len(chunk.tokens) > 1 for _, chunk in gone)):
            gone[0][0].engine.context.abort()

    def step(self) -> None:
        """A turn of one group."""
        group = self._next_group()
        until = time.monotonic() + _TURN_SECONDS
        for _ in range(_TURN_BATCHES):
            if group:
                self._advance(group)
            group = [generation for generation in group if not generation.over and not generation.cancelled()]
            if time.monotonic() > until:
                break
        self._tidy()

    def stop(self) -> None:
        """Give up the batch that is computed. From any thread."""
        for generation, _ in self._batch:
            generation.engine.context.abort()

    def _tidy(self) -> None:
        for generation in self._generations:
            if not generation.over and generation.cancelled():
                generation.drop()
        self._generations = [generation for generation in self._generations if not generation.over]

    def _next_group(self) -> list[Generation]:
        self._tidy()
        first = min((generation.priority for generation in self._generations), default=0)
        groups: dict[object, list[Generation]] = {}
        for generation in self._generations:
            if generation.priority == first:
                groups.setdefault((generation.engine, generation.adapter), []).append(generation)
        if not groups:
            return []
        # Round and round: the group that waits longest is that whose turn was longest ago, or never.
        weights = min(groups, key=lambda weights: self._turns.get(weights, 0))
        self._turns = {known: turn for known, turn in self._turns.items() if known in groups}
        self._turns[weights] = next(self._clock)
        return groups[weights]

    def _advance(self, group: list[Generation]) -> None:
        """Compute one batch of requests of the same weights."""
        engine, adapter = group[0].engine, group[0].adapter
        placed = [generation for generation in group if engine.place(generation)]
        for generation in placed:
            if not generation.unread:
                _take(generation, generation.recall)
        engine.context.go_on()
        self._batch = batch = _share([generation for generation in placed if not generation.over])
        try:
            if batch:
                engine.context.use(adapter)
                starts = engine.context.read([chunk for _, chunk in batch])
        except Aborted:
            self._forget(batch)
            return
        except NoRoom:
            self._make_room(batch)
            return
        except ModelError as error:
            self._forget(batch)
            for generation, _ in batch:
                generation.fail(ApiError(500, "model_failed", str(error)))
            return
        finally:
            self._batch = []
        for (generation, chunk), start in zip(batch, starts if batch else (), strict=True):
            _take(generation, partial(generation.take, chunk, start))

    def _forget(self, batch: list[tuple[Generation, Chunk]]) -> None:
        """Nothing of a batch was read."""
        for generation, _ in batch:
            if generation.slot:
                generation.engine.slots.cut(generation.slot, len(generation.slot.tokens))

    def _make_room(self, batch: list[tuple[Generation, Chunk]]) -> None:
        """For a batch that the cells did not suffice for: by what is remembered of old, then by who came last."""
        engine = batch[0][0].engine
        if engine.slots.give_up_oldest():
            return
        holding = [generation for generation in self._generations if generation.engine is engine and generation.slot]
        last = max(holding, key=lambda generation: (generation.priority, generation.order))
        if len(holding) == 1:
            message = "The context is full. Ask for fewer tokens (max_tokens), or serve with a larger --context."
            last.fail(ApiError(500, "model_failed", message))
            return
        engine.pause(last)
        engine.slots.give_up_oldest()


def _take(generation: Generation, step: Callable[[], None]) -> None:
    """Let a request go on; if it cannot, it alone fails."""
    try:
        step()
    except ModelError as error:
        generation.fail(ApiError(500, "model_failed", str(error)))


def _share(placed: list[Generation]) -> list[tuple[Generation, Chunk]]:
    """What each reads in the next batch. Those that need a single token come first."""
    batch: list[tuple[Generation, Chunk]] = []
    room, outputs = BATCH, OUTPUTS
    waiting = sorted(placed, key=lambda generation: generation.unread)
    for index, generation in enumerate(waiting):
        others = len(waiting) - index
        chunk = generation.chunk(max(room // others, 1), max(outputs // others, 1))
        room -= len(chunk.tokens)
        outputs -= chunk.outputs
        batch.append((generation, chunk))
    return batch
