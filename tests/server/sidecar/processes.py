"""Watching processes from outside."""

import asyncio
import time

import psutil


def gone(pid: int) -> bool:
    """Whether no process has this id any more, or only a zombie has."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until_gone(pid: int, seconds: float = 15) -> bool:
    """Whether the process is gone within some seconds."""
    deadline = time.monotonic() + seconds
    while not gone(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return gone(pid)


async def wait_until_quiet(process: psutil.Process, seconds: float = 15) -> bool:
    """Whether the process stops computing within some seconds: less than a tenth of a core for a moment."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        before = sum(process.cpu_times()[:2])
        await asyncio.sleep(0.4)
        if sum(process.cpu_times()[:2]) - before < 0.04:
            return True
    return False
