"""Text for a terminal: colours, widths, and nothing in it that the terminal would obey."""

from __future__ import annotations

import codecs
import os
import shutil
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from lintune_server.lint.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

COLOURS = {Severity.ERROR: "31;1", Severity.WARNING: "33;1", Severity.INFO: "36;1", Severity.HINT: "35"}
BOLD = "1"
DIM = "2"
ASCII = str.maketrans(
    {"→": "->", "·": "-", "…": "...", "●": "o", "○": "o", "★": "*", "┄": "-", "—": "-", "▲": "^", "▼": "v"}
)
"""What to `translate` a text with for an output that `has_unicode` says cannot show it."""
_NARROWEST, _USUAL, _WIDEST = 60, 80, 120


@dataclass(frozen=True, slots=True)
class Look:
    """How wide a text may be, and whether it has colours."""

    width: int = _USUAL
    coloured: bool = False

    @classmethod
    def of(cls, out: TextIO) -> Look:
        """NO_COLOR and FORCE_COLOR are what other tools take them for."""
        terminal = out.isatty()
        coloured = "NO_COLOR" not in os.environ and (terminal or bool(os.environ.get("FORCE_COLOR")))
        width = shutil.get_terminal_size((_USUAL, 24)).columns if terminal else _USUAL
        return cls(min(max(width, _NARROWEST), _WIDEST), coloured)

    def paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.coloured and text else text


def has_unicode(out: TextIO) -> bool:
    """Whether it takes characters beyond ASCII. To be asked before `output.opened` makes it do so."""
    return codecs.lookup(out.encoding).name.startswith("utf")


def clean(text: str) -> str:
    """On one line, with a dot for every character that is not printable: text from files must not move the cursor."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else " " if char in "\n\t" else "·" for char in text)


def cells(text: str) -> int:
    """Columns that a text takes."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def _cells(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, room: int) -> str:
    """As much of the beginning as takes no more than `room` columns."""
    used = 0
    for index, char in enumerate(text):
        used += _cells(char)
        if used > room:
            return text[:index]
    return text


def wrap(text: str, width: int, indent: str = "") -> Iterator[str]:
    """Lines of at most `width` columns, broken between words where there are any."""
    room = width - len(indent)
    line = ""
    for word in clean(text).split(" "):
        candidate = f"{line} {word}" if line else word
        if cells(candidate) <= room:
            line = candidate
            continue
        if line:
            yield indent + line
        line = word
        while cells(line) > room:
            piece = cut(line, room)
            yield indent + piece
            line = line[len(piece) :]
    if line:
        yield indent + line


def nearby(path: Path) -> Path:
    """From the working folder, for a path in it: as a person would write it."""
    if not path.is_absolute():
        return path
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path


def number(count: int, noun: str) -> str:
    """`1 sample`, `1,204 samples`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
