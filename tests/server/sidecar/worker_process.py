"""A sidecar process that was started without the supervisor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "the-token-of-the-tests"


@dataclass(frozen=True)
class Worker:
    port: int
    process: psutil.Process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def command(models: dict[str, Path], *options: str) -> list[str]:
    given = [argument for id_, path in models.items() for argument in ("--model", f"{id_}={path}")]
    return [sys.executable, "-m", "lintune_server.sidecar.worker", *given, *options]


def environment(**changes: str) -> dict[str, str]:
    return {**os.environ, "LINTUNE_SIDECAR_TOKEN": TOKEN, **changes}


@contextmanager
def running(models: dict[str, Path], *options: str) -> Iterator[Worker]:
    """Until the block ends, which ends the process by the end of its standard input."""
    with subprocess.Popen(
        command(models, *options), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert ready["pid"] == process.pid
        yield Worker(ready["port"], psutil.Process(process.pid))
        rest, _ = process.communicate(timeout=10)
        assert rest == b"", "the ready line is all that standard output gets"
        assert process.returncode == 0
