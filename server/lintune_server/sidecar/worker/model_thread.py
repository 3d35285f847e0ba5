"""The one thread that touches llama.cpp: requests take turns there, first come, first served."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

from lintune_server.sidecar.worker.problems import ApiError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

T = TypeVar("T")

_LONGEST_QUEUE = 64
"""Requests, the one whose turn it is included. More would time out anyway before their turn comes."""


class ModelThread:
    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._requests = 0

    async def call(self, function: Callable[[], T]) -> T:
        """Run a short function on the thread, when its turn comes."""
        self._refuse_when_full()
        self._requests += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, function)
        finally:
            self._requests -= 1

    async def iterate(
        self, produce: Callable[[Callable[[], bool]], Generator[T, None, None]]
    ) -> AsyncGenerator[T, None]:
        """Run a generator on the thread and pass on what it yields. It never waits for whoever reads.

        produce: gets a function that says whether to stop, because the async generator was closed.
        """
        self._refuse_when_full()
        loop = asyncio.get_running_loop()
        items: asyncio.Queue[T | None] = asyncio.Queue()
        stop = threading.Event()

        def work() -> None:
            with closing(produce(stop.is_set)) as produced:
                for item in produced:
                    loop.call_soon_threadsafe(items.put_nowait, item)

        turn = loop.run_in_executor(self._executor, work)
        turn.add_done_callback(lambda done: done.cancelled() or done.exception())  # it may be that nobody asks
        turn.add_done_callback(lambda _: items.put_nowait(None))
        self._requests += 1
        try:
            while (item := await items.get()) is not None:
                yield item
            await turn
        finally:
            self._requests -= 1
            stop.set()
            turn.cancel()  # when its turn has not come yet

    def close(self) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _refuse_when_full(self) -> None:
        if self._requests >= _LONGEST_QUEUE:
            raise ApiError(503, "busy", f"{self._requests} requests are waiting already. Ask again in a moment.")
