"""The life of the process: from the socket to the ready line, and the four ways in which it ends.

- Its standard input ends: the parent stopped it, or is gone, even by SIGKILL. It exits at once.
- SIGTERM or Ctrl-C: answers that are on their way get a moment.
- Nobody has asked anything for `idle_seconds`.
- It is killed: nothing is lost, since it writes nothing.
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
import uvicorn

from lintune_schemas.errors import LintuneError
from lintune_server.sidecar.protocol import Ready

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from lintune_server.sidecar.worker.guard import IdleClock

_LOOPBACK = "127.0.0.1"
"""The only address that is ever bound."""

_GRACE_SECONDS = 2
_LONGEST_NAP = 1.0


def listen(port: int) -> socket.socket:
    """A listening socket on the loopback interface. port: 0 for any. Raises LintuneError when it is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if sys.platform != "win32":  # there, the option would let two processes share the port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_LOOPBACK, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise LintuneError(
            f"Port {port} of {_LOOPBACK} cannot be used: {error.strerror}. Give another --port, or 0 for any."
        ) from error
    return listener


def keep_stdout() -> int:
    """A descriptor of standard output for the caller alone; what others print goes to standard error."""
    own = os.dup(1)
    os.dup2(2, 1)
    return own


def end_with_stdin() -> None:
    """Exit as soon as standard input ends, when it is a pipe (asyncio's is a socket) from a parent."""
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return

    def read_to_end() -> None:
        with suppress(OSError):
            while os.read(0, 4096):
                pass
        os._exit(0)  # also while llama.cpp computes; there is nothing to save

    threading.Thread(target=read_to_end, name="stdin", daemon=True).start()


def serve(app: ASGIApp, listener: socket.socket, stdout: int, clock: IdleClock, idle_seconds: float) -> None:
    """Answer requests until the process is to end. stdout: where the ready line goes; it is closed then."""
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=60,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )

    async def run() -> None:
        idle = asyncio.create_task(_end_when_idle(server, clock, idle_seconds)) if idle_seconds else None
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.005)
        if server.started:
            _say_ready(listener, stdout)
        await serving
        if idle:
            idle.cancel()

    with suppress(KeyboardInterrupt):  # uvicorn repeats the signal that ended it
        asyncio.run(run())


async def _end_when_idle(server: uvicorn.Server, clock: IdleClock, idle_seconds: float) -> None:
    while (rest := idle_seconds - clock.seconds) > 0:
        await asyncio.sleep(min(rest, _LONGEST_NAP))
    server.should_exit = True


def _say_ready(listener: socket.socket, stdout: int) -> None:
    ready = Ready(port=listener.getsockname()[1], pid=os.getpid())
    with os.fdopen(stdout, "wb") as file, suppress(BrokenPipeError):
        file.write(msgspec.json.encode(ready) + b"\n")
