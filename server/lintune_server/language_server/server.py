"""Starting the language server on standard input and output."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING

from pygls.io_ import StdinAsyncReader, StdoutWriter, run_async

from lintune_server import memory
from lintune_server.language_server import features
from lintune_server.language_server.connection import LintuneServer

if TYPE_CHECKING:
    from typing import BinaryIO, NoReturn

log = logging.getLogger(__name__)


def build() -> LintuneServer:
    """A language server with every feature, not yet connected."""
    server = LintuneServer()
    features.register(server)
    return server


def serve_stdio() -> NoReturn:
    """Serve one client on stdin and stdout until it leaves, then end the process.

    Its exit code is 0 when the client left as LSP wants it, and 1 when it just went away.
    """
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("pygls", "httpx"):  # every message, every request, at INFO
        logging.getLogger(chatty).setLevel(logging.WARNING)
    memory.share_arenas()
    stdin, stdout = sys.stdin.buffer, _claim_stdout()
    asyncio.run(_serve(build(), stdin, stdout))
    raise AssertionError("the server left without ending its process")


def _claim_stdout() -> BinaryIO:
    """Keep the real stdout for the protocol alone: whatever prints, prints to stderr."""
    claimed = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return claimed


async def _serve(server: LintuneServer, stdin: BinaryIO, stdout: BinaryIO) -> NoReturn:
    server.protocol.set_writer(StdoutWriter(stdout))
    messages = asyncio.create_task(
        run_async(
            stop_event=server.left,
            reader=StdinAsyncReader(stdin, server.thread_pool),
            protocol=server.protocol,
            error_handler=server.report_server_error,
        )
    )
    server.client_gone = messages.cancel
    if sys.platform != "win32":
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, messages.cancel)
    try:
        await messages
    except asyncio.CancelledError:
        log.info("told to end, or left alone")
    except BrokenPipeError:
        log.info("the client is gone")
    finally:
        await server.session.end()
    # Not a return: a thread may still wait for the client's next byte, and would hold the process.
    logging.shutdown()
    os._exit(server.exit_code)
