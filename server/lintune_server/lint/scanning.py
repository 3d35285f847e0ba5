"""Looking at a data set on disk, so that of a large one no more than facts stay in memory."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from lintune_schemas.errors import LintuneError
from lintune_server.lint import cache, judging, part, pieces
from lintune_server.lint.context import context_for
from lintune_server.lint.layouts import surroundings_of
from lintune_server.lint.line_check import finding_of
from lintune_server.lint.lines import decoded, encoded, without_end
from lintune_server.lint.part import Part
from lintune_server.lint.placing import fix_in_file, in_file
from lintune_server.lint.sample import Line, Surroundings
from lintune_server.lint.shape import HEAD_BYTES, Head
from lintune_server.rules import HEAD_RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lintune_schemas.samples import SampleFormat
    from lintune_server.lint.context import Context
    from lintune_server.lint.data_set import DataSet
    from lintune_server.lint.findings import Finding, Position


@dataclass(frozen=True, slots=True)
class Scan:
    """What is known of a file before its samples are compared with each other and with other files'."""

    path: Path
    context: Context
    part: Part
    data: DataSet
    not_json_lines: tuple[Finding, ...]
    """When there are any, nothing more is known of the file."""
    lines: DiskLines

    @property
    def format(self) -> SampleFormat | None:
        layout = self.data.surroundings.layout
        return layout.format if layout else None


class DiskLines:
    """The lines of a file on disk, each read when it is asked for."""

    def __init__(self, path: Path, size: int, offsets: array[int]) -> None:
        """offsets: the byte at which each line begins."""
        self._file = path.open("rb")
        self._size = size
        self._offsets = offsets

    def text(self, number: int) -> str:
        """Without its line end; bytes that are no UTF-8 as lone surrogates. Of a very long line the beginning."""
        start, end = self.bytes_of(number)
        data = pieces.read_at(self._file, start, min(end - start, pieces.LONGEST_LINE))
        return without_end(decoded(data))

    def raw(self, number: int) -> bytes:
        """With its line end. Raises LintuneError when the file is shorter now."""
        start, end = self.bytes_of(number)
        return pieces.read_at(self._file, start, end - start)

    def __len__(self) -> int:
        """The last one may be empty: it is what follows the last line end."""
        return len(self._offsets)

    def move(self, path: Path) -> None:
        """Read from another file, which holds the same."""
        self._file.close()
        self._file = path.open("rb")

    def offset(self, position: Position) -> int:
        """The byte at a position."""
        before = decoded(self.raw(position.line))[: position.column]
        return self._offsets[position.line] + len(encoded(before))

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes between two places, block by block. Raises LintuneError when the file is shorter now."""
        step = 1 << 20
        for at in range(start, end, step):
            yield pieces.read_at(self._file, at, min(step, end - at))

    @property
    def size(self) -> int:
        return self._size

    def bytes_of(self, number: int) -> tuple[int, int]:
        """The bytes of a line, its line end included: half-open."""
        last = number + 1 == len(self._offsets)
        return self._offsets[number], self._size if last else self._offsets[number + 1]


def lines_of(path: Path) -> DiskLines:
    """The lines of a small file. Raises OSError."""
    data = path.read_bytes()
    offsets = pieces.line_offsets(data)
    if not data or data[-1:] in (b"\n", b"\r"):
        offsets.append(len(data))
    return DiskLines(path, len(data), offsets)


def scan(
    path: Path,
    context: Context,
    content: Path | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Scan:
    """Check every line of a file.

    content: the file to read in the place of `path`, which findings name all the same. progress: told the bytes that
    are done, and all. Raises LintuneError.
    """
    source = content or path
    try:
        before = source.stat()
        size = before.st_size
        with source.open("rb") as file:
            head = Head(size, file.read(HEAD_BYTES), source.read_bytes)
        surroundings = Surroundings(None, context.recipe, context.tokenizer)
        found = check_head(head, path)
        if found:
            empty = Part()
            data = judging.data_set(path, empty, surroundings, lambda _: "")
            return Scan(path, context, empty, data, tuple(found), _lines_of_head(head, found, source))
        surroundings = surroundings_at(head, path, context)
        checker = pieces.PieceChecker(path, source, surroundings, key_of(path, surroundings, context))
        whole, offsets = pieces.check(source, size, checker, lambda done: progress(done, size))
        after = source.stat()
        lines = DiskLines(source, size, offsets)
    except OSError as error:
        raise LintuneError(f"{path} could not be read: {error.strerror or error}.") from error
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise LintuneError(f"{path} changed while it was read. Check it again.")
    return Scan(path, context, whole, judging.data_set(path, whole, surroundings, lines.text), (), lines)


def key_of(path: Path, surroundings: Surroundings, context: Context) -> bytes | None:
    """Of all that findings depend on but for the file's bytes."""
    tokenizer = context.tokenizer
    template = tokenizer.template.source if tokenizer and tokenizer.template else ""
    today = date.today().isoformat() if "strftime" in template else ""
    recipe = msgspec.json.encode(context.recipe) if context.recipe else b""
    return cache.key_of(str(path), repr(surroundings.layout), recipe, context.tokenizer_files, today)


def peer(path: Path, context: Context) -> DataSet | None:
    """Another data set of the context's recipe, remembered until it changes; None when it cannot be read."""
    found = peer_scan(path, context)
    return found.data if found else None


def peer_scan(path: Path, context: Context) -> Scan | None:
    """As `peer`, with all that is known of the file."""
    try:
        recipe = context.recipe_path
        found = _remembered(path, recipe, _stamp(path), _stamp(recipe) if recipe and recipe.exists() else None)
    except (OSError, LintuneError):
        return None
    return None if found.not_json_lines else found


@lru_cache(maxsize=8)
def _remembered(path: Path, recipe: Path | None, *stamps: tuple[int, int] | None) -> Scan:  # noqa: ARG001
    return scan(path, context_for(path, recipe))


def _stamp(file: Path) -> tuple[int, int]:
    """What changes when a file does. Raises OSError when there is none."""
    stat = file.stat()
    return stat.st_size, stat.st_mtime_ns


def check_head(head: Head, path: Path) -> list[Finding]:
    """What says that a file is no JSON Lines at all."""
    found: list[Finding] = []
    for rule in HEAD_RULES:
        for problem in rule.check(head):
            text = decoded(head.data[:1000])
            first = Line(part.split(text)[0][0], Surroundings())
            place = in_file(problem.spot, 0, first)
            fix = None
            if problem.remedy:
                shape = part.split(decoded(head.read()))[1]
                fix = fix_in_file(problem.remedy, 0, first, shape, lambda _: "")
            found.append(
                replace(finding_of(rule, replace(problem, remedy=None), place, first, path), fix=fix, whole_file=True)
            )
    return found


def _lines_of_head(head: Head, found: list[Finding], source: Path) -> DiskLines:
    """The lines of a file of which no more than the first ones are looked at, unless it can be mended."""
    if any(finding.fix for finding in found):
        return lines_of(source)
    return DiskLines(source, head.size, pieces.line_offsets(head.data) or array("Q", [0]))


def surroundings_at(head: Head, path: Path, context: Context) -> Surroundings:
    """What the rules may know of a file that begins so."""
    lines, _ = part.split(decoded(head.data))
    if not head.whole:
        lines.pop()
    return surroundings_of(lines, path, context)
