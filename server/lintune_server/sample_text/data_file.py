"""The lines of a data set on disk, of which one is replaced, or one more is put at the end; all else stays."""

from __future__ import annotations

import hashlib
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lintune_schemas import atomic
from lintune_schemas.errors import LintuneError
from lintune_server.lint import pieces
from lintune_server.lint.lines import BLANK, BOM, encoded, without_end
from lintune_server.lint.scanning import DiskLines

if TYPE_CHECKING:
    import os
    from pathlib import Path


class Lines(Protocol):
    """The lines of a data set, on disk or in an editor."""

    def __len__(self) -> int: ...

    def text(self, number: int) -> str:
        """Without its line end."""

    def end(self, number: int) -> str:
        """Its line end; empty for the last one."""


class LineChangedError(LintuneError):
    """The line is another than the one that was edited, and that one is nowhere in the file."""


class LinesOnDisk(DiskLines):
    """As they are now."""

    def __init__(self, path: Path) -> None:
        """Raises OSError, and LintuneError when the file changes meanwhile."""
        self.path = path.resolve()  # of a link, what it points to
        self.stat = self.path.stat()
        super().__init__(self.path, self.stat.st_size, _offsets(self.path, self.stat.st_size))

    def end(self, number: int) -> str:
        start, end = self.bytes_of(number)
        tail = pieces.read_at(self._file, max(start, end - 2), min(2, end - start)).decode("latin-1")
        return tail[len(without_end(tail)) :]


def _offsets(path: Path, size: int) -> array[int]:
    """The byte at which each line begins, of which the last one may be empty."""
    offsets = array("Q")
    tail = b"\n"
    with path.open("rb") as file:
        for piece in pieces.cut(file, size):
            data = pieces.read_at(file, piece.start, piece.end - piece.start)
            offsets.extend(offset + piece.start for offset in pieces.line_offsets(data))
            tail = data[-1:]
    if tail in (b"\n", b"\r"):
        offsets.append(size)
    return offsets


def digest_of(text: str) -> str:
    """By which a line is known again: of its bytes, without a byte order mark."""
    return hashlib.sha256(encoded(text.removeprefix(BOM))).hexdigest()


def find(lines: Lines, number: int, digest: str) -> int:
    """Where a line is now: at its number, else the nearest one that holds the same. Raises LineChangedError."""
    count = len(lines)
    for distance in range(max(number, count - number) + 1):
        for candidate in dict.fromkeys((number - distance, number + distance)):
            if 0 <= candidate < count and digest_of(lines.text(candidate)) == digest:
                return candidate
    raise LineChangedError(f"Line {number + 1} changed meanwhile, so nothing was written.")


def around(lines: Lines, number: int) -> list[str | None]:
    """The digests of the lines before and behind a line, by which its place is known again when it changed."""
    beside = (number - 1, number + 1)
    return [digest_of(lines.text(one)) if 0 <= one < len(lines) else None for one in beside]


def find_place(lines: Lines, number: int, before: str | None, behind: str | None) -> int | None:
    """Where a line is now that changed, by those around it; None when it was taken out from between them."""
    places: list[int] = []
    for digest, step in ((before, 1), (behind, -1)):
        if digest is None:
            continue
        try:
            places.append(find(lines, number - step, digest) + step)
        except LineChangedError:
            continue
    if len(places) == 2 and places[0] == places[1] + 1:
        return None
    place = places[0] if places else number
    return place if place >= 0 else None


@dataclass(frozen=True, slots=True)
class Insertion:
    """Where a new line goes: at the end of a line, or at its beginning, and the text with its line ends."""

    line: int
    at_end: bool
    text: str
    number: int
    """Which line the sample will be."""


def insertion(lines: Lines, text: str) -> Insertion:
    """Behind the last line that holds anything, with the line end that this one has, or the one before it."""
    last = len(lines) - 1
    while last >= 0 and not lines.text(last).strip(BLANK):
        last -= 1
    if last < 0:
        return Insertion(0, False, f"{text}\n", 0)
    end = lines.end(last)
    if end:
        return Insertion(last + 1, False, f"{text}{end}", last + 1)
    usual = (lines.end(last - 1) if last else "") or "\n"
    return Insertion(last, True, f"{usual}{text}{usual}", last + 1)


def replace(lines: LinesOnDisk, number: int, text: str) -> None:
    """Write another text in the place of a line; its line end stays. Raises LintuneError, and then nothing changed."""
    start, end = lines.bytes_of(number)
    _rewrite(lines, start, end - len(lines.end(number)), encoded(text))


def insert(lines: LinesOnDisk, what: Insertion) -> None:
    """Raises LintuneError, and then nothing changed."""
    start, end = lines.bytes_of(what.line)
    at = end if what.at_end else start
    if what.line == 0 and not what.at_end and lines.text(0).startswith(BOM):
        at += len(encoded(BOM))
    _rewrite(lines, at, at, encoded(what.text))


def _rewrite(lines: LinesOnDisk, start: int, end: int, data: bytes) -> None:
    path, before = lines.path, lines.stat
    if problem := read_only(path):
        raise LintuneError(problem)
    try:
        with atomic.new_file(path) as partial:
            with partial.open("wb") as output:
                for block in lines.read(0, start):
                    output.write(block)
                output.write(data)
                for block in lines.read(end, lines.size):
                    output.write(block)
            partial.chmod(before.st_mode & 0o7777)
            if _stamp(path.stat()) != _stamp(before):
                raise LineChangedError(
                    f"{path.name} changed while it was written. Nothing was changed in it: try again."
                )
    except OSError as error:
        raise LintuneError(
            f"{path} could not be written: {error.strerror or error}. Nothing was changed in it."
        ) from error


def read_only(path: Path) -> str | None:
    """Why a file may not be written; None when it may. A file that is replaced whole would not say so."""
    mode = path.stat().st_mode
    return None if mode & 0o222 else f"{path.name} is read-only."


def _stamp(stat: os.stat_result) -> tuple[int, int, int]:
    return stat.st_size, stat.st_mtime_ns, stat.st_ino
