"""What Axolotl prints, understood: the lines of transformers' Trainer and of its progress bar, and errors."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_BAR = re.compile(r"\s*\d+%\|[^|]*\|\s*(\d+)/(\d+) \[")
"""tqdm's, without a description: of the training, or of an evaluation."""
_BARE_NUMBER = re.compile(r"(?<=: )(-?inf|nan)\b")
"""Floats that are no Python literals; Trainers before transformers 5 print them so, later ones print texts."""


@dataclass(frozen=True, slots=True)
class Bar:
    """The training's progress bar."""

    step: int
    total: int


@dataclass(frozen=True, slots=True)
class Log:
    """The figures of one line, by Trainer's names: `loss`, `eval_loss`, `learning_rate`, `epoch` and so on."""

    figures: dict[str, float]


class Reader:
    """Reads one training's output. The first bar that has no description is the training's: it is opened first."""

    def __init__(self) -> None:
        self._total: int | None = None

    def read(self, line: str) -> Bar | Log | None:
        """None for a line that says nothing about the training's progress."""
        line = _ANSI.sub("", line)
        if bar := _BAR.match(line):
            step, total = int(bar[1]), int(bar[2])
            self._total = self._total or total
            return Bar(step, total) if total == self._total else None
        line = line.strip()
        if not (line.startswith("{") and line.endswith("}")):
            return None
        try:
            values = ast.literal_eval(_BARE_NUMBER.sub(r"'\1'", line))
        except (ValueError, SyntaxError):
            return None
        figures = dict(_numbers(values.items() if isinstance(values, dict) else ()))
        return Log(figures) if figures.keys() & {"loss", "eval_loss"} else None


def said_in(line: str) -> str:
    """A line without the progress bar at its beginning, which is drawn again and again, and ends without a line end."""
    return _ANY_BAR.sub("", line)


_ANY_BAR = re.compile(r"^.*?\d+%\|[^\[]*\[[^\]]*\]")


def error_in(lines: Sequence[str]) -> str:
    """What went wrong, of the last lines of a training that failed: its exception, not those of its launchers."""
    errors = [number for number, line in enumerate(lines) if _EXCEPTION.match(line) and not _OF_LAUNCHER.match(line)]
    if not errors:
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
    first = errors[-1]
    details = []
    for line in lines[first + 1 : first + 4]:  # pydantic says which key on lines of their own
        if not line.startswith("  ") or line.lstrip().startswith(("File ", "For further")):
            break
        details.append(line.strip())
    said = " ".join([lines[first].strip(), *details])
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"


_EXCEPTION = re.compile(r"(\[rank\d+\]: ?)?([A-Za-z_]\w*\.)*[A-Z]\w*(Error|Exception|Interrupt)(: |$)")
_OF_LAUNCHER = re.compile(r".*\b(CalledProcessError|ChildFailedError|SignalException)\b")
_LONGEST = 400


def _numbers(items: Iterable[tuple[object, object]]) -> Iterable[tuple[str, float]]:
    for key, value in items:
        try:
            yield str(key), float(value)  # type: ignore[arg-type] # whatever it is
        except (TypeError, ValueError):
            continue
