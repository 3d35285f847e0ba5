"""The command `lintune`, in a process of its own as a person runs it, or in this one where many are run."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintune_server.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

GOOD = '{"prompt": "Hi", "completion": "Hello!"}\n'
GPT = '{"messages": [{"role": "user", "content": "Hi"}, {"role": "gpt", "content": "Hello!"}]}\n'


def lintune(*words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "lintune_server", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, encoding="utf-8", check=False)


@dataclass
class Printed:
    code: int
    out: str
    err: str


class Command:
    """Runs commands in this process, in a folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def __call__(self, *words: str | Path) -> Printed:
        self._capsys.readouterr()
        code = main([str(word) for word in words])
        printed = self._capsys.readouterr()
        return Printed(code, printed.out, printed.err)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
        return path
