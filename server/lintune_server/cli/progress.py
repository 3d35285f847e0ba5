"""A bar on standard error while something takes long: only on a terminal, and only after a second."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, TextIO

from lintune_server.cli import terminal
from lintune_server.cli.terminal import Look

if TYPE_CHECKING:
    from types import TracebackType

_PATIENCE = 1.0
_PAUSE = 0.1
_BAR = 24


class Progress:
    """Of work on several files, one after the other."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stderr
        self._shown = self._out.isatty()
        self._begin = time.monotonic()
        self._file_begin = self._begin
        self._last = 0.0
        self._drawn = False
        self._name = ""

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def start(self, name: str) -> None:
        """Work on a file begins."""
        self._name = terminal.clean(name)
        self._file_begin = time.monotonic()

    def report(self, done: int, size: int) -> None:
        """Bytes of the file that are done, and all."""
        now = time.monotonic()
        if not self._shown or now - self._begin < _PATIENCE or now - self._last < _PAUSE:
            return
        self._last = now
        share = done / size if size else 1.0
        words = f"{share:4.0%} of {_bytes(size)}"
        if 0 < done < size:
            words += f" · {_clock((now - self._file_begin) / done * (size - done))} left"
        elif done == size:
            words += " · comparing samples"
        filled = round(share * _BAR)
        bar = "█" * filled + "░" * (_BAR - filled)
        look = Look.of(self._out)
        room = look.width - _BAR - len(words) - 4
        name = self._name if terminal.cells(self._name) <= room else f"…{self._name[1 - room :]}"
        self._out.write(f"\r\x1b[K{name} {look.paint(bar, '36')} {words}")
        self._out.flush()
        self._drawn = True

    def clear(self) -> None:
        """Take the bar away, before something else is printed."""
        if self._drawn:
            self._out.write("\r\x1b[K")
            self._out.flush()
            self._drawn = False


def _bytes(size: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} B"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
