"""What the two supervisors share: reading a child process's pipes, and what its exit code says."""

from __future__ import annotations

import logging
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

log = logging.getLogger(__name__)


async def read_line(stream: asyncio.StreamReader | None) -> bytes:
    """The next line of a pipe; empty at its end, or without one. A line over the stream's limit is skipped."""
    while stream:
        try:
            return await stream.readline()
        except ValueError:
            log.warning("skipped a line that is too long")
    return b""


def death(code: int) -> str:
    """What an exit code says about a process that ended."""
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
    return f"{name}, perhaps out of memory" if name == "SIGKILL" else name
