"""The sidecar's process, from its start to its end: the only place that spawns it.

The life of the process, as `Phase`:

    STOPPED ── client() ──► STARTING ── ready line ───────────────► READY
       ▲                       ├── process gone, or too slow ─┐       ├── process gone (idle, killed) ─┐
       ├───────────────────────┼──────────────────────────────┴───────┼────────────────────────────────┘
       └── process gone ── STOPPING ◄── stop() ───────────────────────┘
                               ▲
                               └── stop(), from STARTING

From STOPPED the next `client()` starts a new process, whatever ended the one before.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import subprocess
import sys
from collections import deque
from enum import StrEnum
from importlib.util import find_spec
from typing import TYPE_CHECKING, Self, TypeVar

import msgspec

from lintune_schemas.errors import LintuneError
from lintune_server.child_process import death, read_line
from lintune_server.sidecar.client import SidecarClient, SidecarError, SidecarGone
from lintune_server.sidecar.protocol import EXIT_REFUSED, PROGRAM, TOKEN_VARIABLE, Adapted, Ready

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Awaitable, Callable, Mapping

    from lintune_server.sidecar.protocol import Source

log = logging.getLogger(__name__)

T = TypeVar("T")

_SERVE_EXTRA = ("llama_cpp", "llguidance", "starlette", "uvicorn")
_START_SECONDS = 60.0
"""Half a second is usual; the first start after an installation compiles and reads everything from disk."""
_STOP_SECONDS = 3.0


class Phase(StrEnum):
    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"


def require_serve_extra() -> None:
    """Raise LintuneError when the packages that the sidecar needs are not installed; imports none of them."""
    missing = [name for name in _SERVE_EXTRA if find_spec(name) is None]
    if missing:
        raise LintuneError(
            f"Asking a model needs {', '.join(missing)}. Install the serve extra with: pip install 'lintune[serve]'"
        )


class Sidecar:
    """A process that answers with the given models: started when first needed, and again after it ended.

    models: GGUF file by id, or the adapter on one; the first is the default. context: tokens of prompt and answer
    together; None for the sidecar's own choice, likewise threads and memory_gb (for all models). idle_seconds: it ends
    by itself after this long without a request; 0 for never. port: 0 for any. token: what requests must carry; None for
    a new random one. Belongs to one event loop. When this process dies, in whatever way, so does the sidecar.
    """

    def __init__(
        self,
        models: Mapping[str, Source],
        *,
        context: int | None = None,
        threads: int | None = None,
        memory_gb: float | None = None,
        idle_seconds: float = 600.0,
        port: int = 0,
        token: str | None = None,
    ) -> None:
        self.models = dict(models)
        self.phase = Phase.STOPPED
        self.token = token or secrets.token_urlsafe(32)
        self._options = {
            "--context": context,
            "--threads": threads,
            "--memory-gb": memory_gb,
            "--idle-seconds": idle_seconds,
            "--port": port,
        }
        self._process: Process | None = None
        self._port: int | None = None
        self._client: SidecarClient | None = None
        self._start_or_stop = asyncio.Lock()
        self._stops = 0
        self._words: deque[str] = deque(maxlen=20)
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def pid(self) -> int | None:
        """Of the process that runs, or ran last."""
        return self._process.pid if self._process else None

    @property
    def url(self) -> str | None:
        """Base URL for clients of OpenAI's API; None unless READY."""
        return f"http://127.0.0.1:{self._port}/v1" if self.phase is Phase.READY else None

    async def client(self) -> SidecarClient:
        """A client of the process, which is started unless it runs. Raises LintuneError when it cannot be.

        The process can end at any moment, also right after this: `ask` copes with that.
        """
        async with self._start_or_stop:
            if self.phase is Phase.READY and self._client is not None:
                return self._client
            return await self._start()

    async def ask(self, request: Callable[[SidecarClient], Awaitable[T]]) -> T:
        """Make a request; when the process ends under it, start another one and make it once more.

        Raises LintuneError. `answer = await sidecar.ask(lambda client: client.complete(prompt))`
        """
        stops = self._stops
        for _ in range(2):
            client = await self.client()
            process = self._process
            try:
                return await request(client)
            except SidecarGone:
                if self._stops != stops:
                    raise LintuneError("The model's process was stopped while it was asked.") from None
            await self._see_off(process)
        raise LintuneError(
            f"The model's process ended twice while it was asked ({self._last_words()}). "
            "The prompt, or the machine's memory, may be too much for it."
        )

    async def load_adapter(self, id_: str, adapted: Adapted) -> None:
        """Answer as `id_` from now on with an adapter, also after a restart. Raises LintuneError, and changes nothing.

        Starts no process: one that does not run is told when it starts.
        """
        async with self._start_or_stop:  # one that is starting has been told already what it knows
            before = self.models.get(id_)
            self.models[id_] = adapted
            client = self._client
        if client is None:
            return
        try:
            await client.load_adapter(id_, adapted.adapter, adapted.base)
        except SidecarGone:
            return  # the next one is told
        except SidecarError:
            if before is None:
                self.models.pop(id_, None)
            else:
                self.models[id_] = before
            raise

    async def unload_adapter(self, id_: str) -> None:
        """Forget an adapter, if it is known."""
        async with self._start_or_stop:
            known = isinstance(self.models.get(id_), Adapted)
            if known:
                del self.models[id_]
            client = self._client
        if known and client:
            with contextlib.suppress(SidecarGone, SidecarError):
                await client.unload_adapter(id_)

    async def stop(self) -> None:
        """End the process, if there is one. It is gone when this returns."""
        self._stops += 1
        self._ask_to_end()  # also a start that is going on: it holds the lock
        async with self._start_or_stop:
            self._ask_to_end()
            await self._see_off(self._process)

    async def wait(self) -> str:
        """Until the process is gone; then what is known of its end. Returns at once when there is none."""
        if self._watching:
            await asyncio.shield(self._watching)
        return self._last_words()

    async def _start(self) -> SidecarClient:
        require_serve_extra()
        await self._see_off(self._process)
        stops = self._stops
        self.phase = Phase.STARTING
        try:
            self._process = process = await self._spawn()
        except OSError as error:
            self.phase = Phase.STOPPED
            raise LintuneError(f"The model's process could not be started: {error.strerror or error}.") from error
        self._watching = asyncio.create_task(self._watch(process))
        try:
            async with asyncio.timeout(_START_SECONDS):
                ready = await _ready_line(process.stdout)
        except TimeoutError:
            await self._kill(process)
            raise LintuneError(
                f"The model's process was not ready after {_START_SECONDS:.0f} s and was killed. Try again."
            ) from None
        except BaseException:  # cancelled: nobody would look after it
            await self._kill(process)
            raise
        if ready is None:
            await self._see_off(process)
            if self._stops != stops:
                raise LintuneError("The model's process was stopped while it was started.")
            said = self._last_words()
            if process.returncode == EXIT_REFUSED:
                raise LintuneError(said.removeprefix(f"{PROGRAM}: error: "))
            raise LintuneError(f"The model's process could not start: {said}")
        self._port = ready.port
        self._client = SidecarClient(ready.port, self.token)
        self.phase = Phase.READY
        return self._client

    async def _spawn(self) -> Process:
        command = [sys.executable, "-m", "lintune_server.sidecar.worker"]
        for id_, source in self.models.items():
            if isinstance(source, Adapted):
                command += ["--adapter", f"{id_}={source.base}={source.adapter.resolve()}"]
            else:
                command += ["--model", f"{id_}={source.resolve()}"]
        for name, value in self._options.items():
            command += [] if value is None else [name, str(value)]
        self._words.clear()
        flags = 0
        if sys.platform == "win32":
            flags = subprocess.CREATE_NEW_PROCESS_GROUP
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=subprocess.PIPE,  # nothing is written: it ends when we do, and the sidecar with it
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Ctrl-C in a terminal is for the parent, which then stops the sidecar in order.
            start_new_session=True,
            creationflags=flags,
            # Without PYTHONSAFEPATH `python -m` looks for modules in the current folder first, and would run
            # a starlette.py that lies beside somebody's data.
            env={**os.environ, TOKEN_VARIABLE: self.token, "PYTHONSAFEPATH": "1"},
        )

    async def _watch(self, process: Process) -> None:
        """See the process to its end, and note it."""
        while line := await read_line(process.stderr):
            self._words.append(line.decode("utf-8", "replace").strip())
            log.info("sidecar: %s", self._words[-1])
        code = await process.wait()
        if code and self.phase is Phase.READY:
            log.info("the sidecar ended: %s", death(code))
        client, self._client, self._port = self._client, None, None
        self.phase = Phase.STOPPED
        if client:
            await client.close()

    def _ask_to_end(self) -> None:
        if self._process and self._process.returncode is None:
            self.phase = Phase.STOPPING
            if self._process.stdin:
                self._process.stdin.close()

    async def _see_off(self, process: Process | None) -> None:
        """Until the process is gone and noted so; killed when it takes too long."""
        if process is None or process is not self._process or self._watching is None:
            return
        await asyncio.wait({self._watching}, timeout=_STOP_SECONDS)
        if not self._watching.done():
            await self._kill(process)

    async def _kill(self, process: Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        if self._watching:
            await asyncio.wait({self._watching})

    def _last_words(self) -> str:
        """The signal that ended the process; or else the last line that it said, or its exit code."""
        code = self._process.returncode if self._process else None
        if code is None:
            return "it never ran"
        return self._words[-1] if self._words and code >= 0 else death(code)


async def _ready_line(stdout: asyncio.StreamReader | None) -> Ready | None:
    """What the process says when it is ready; None when it ends before."""
    while line := await read_line(stdout):
        try:
            return msgspec.json.decode(line, type=Ready)
        except msgspec.DecodeError:
            log.warning("not the sidecar's ready line: %r", line[:200])
    return None
