"""The one thread that touches llama.cpp. Between the batches that it computes it does what else is to be done there."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from typing import TYPE_CHECKING, TypeVar

from lintune_server.sidecar.worker.events import Begun, Finished
from lintune_server.sidecar.worker.generation import Generation
from lintune_server.sidecar.worker.problems import ApiError
from lintune_server.sidecar.worker.scheduler import Scheduler

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from lintune_server.sidecar.worker.events import Event
    from lintune_server.sidecar.worker.generation import Task
    from lintune_server.sidecar.worker.models import Models

T = TypeVar("T")

_LONGEST_QUEUE = 64
"""Requests, those that are being answered included. More would time out anyway before their turn comes."""
_TICK_SECONDS = 1.0


class ModelThread:
    def __init__(self, models: Models) -> None:
        self._models = models
        self._scheduler = Scheduler()
        self._inbox: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._requests = 0
        self._ticked = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self._thread.start()

    async def call(self, function: Callable[[], T]) -> T:
        """Run a short function on the thread, between two batches."""
        self._refuse_when_full()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def settle(value: T | None, error: Exception | None) -> None:
            if not done.done():
                done.set_exception(error) if error else done.set_result(value)  # type: ignore[arg-type]

        def work() -> None:
            if done.cancelled():
                return
            value, error = None, None
            try:
                value = function()
            except Exception as caught:
                error = caught
            loop.call_soon_threadsafe(settle, value, error)

        self._requests += 1
        self._inbox.put(work)
        try:
            return await done
        finally:
            self._requests -= 1

    async def generate(self, task: Callable[[], Task]) -> AsyncGenerator[Event, None]:
        """Answer a task, which is made on the thread. It never waits for whoever reads. Raises ApiError.

        When the generator is closed, the answering ends.
        """
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[Event | Exception] = asyncio.Queue()
        cancelled = threading.Event()

        def emit(event: Event | Exception) -> None:
            loop.call_soon_threadsafe(events.put_nowait, event)

        def begin() -> None:
            if not cancelled.is_set():
                self._scheduler.add(Generation(task(), emit, cancelled.is_set))

        self._refuse_when_full()
        self._requests += 1
        try:
            await self.call(begin)
            yield Begun()
            while True:
                event = await events.get()
                if isinstance(event, Exception):
                    raise event
                yield event
                if isinstance(event, Finished):
                    return
        finally:
            self._requests -= 1
            cancelled.set()
            self._scheduler.cancelled()

    def close(self) -> None:
        """Give up what is computed, free the models, and end the thread."""
        self._inbox.put(None)
        self._scheduler.stop()
        self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                work = self._inbox.get(not self._scheduler.busy, _TICK_SECONDS)
                if work is None:
                    break
                work()
            except queue.Empty:
                self._scheduler.step()
            if time.monotonic() - self._ticked > _TICK_SECONDS:
                self._ticked = time.monotonic()
                self._models.unload_idle()
        self._models.close()

    def _refuse_when_full(self) -> None:
        if self._requests >= _LONGEST_QUEUE:
            raise ApiError(503, "busy", f"{self._requests} requests are waiting already. Ask again in a moment.")
