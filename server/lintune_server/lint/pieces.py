"""A large file is cut into pieces, at line ends, which are checked one by one or on all cores."""

from __future__ import annotations

import gc
import os
import signal
import threading
from array import array
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from lintune_schemas import deadline
from lintune_schemas.errors import LintuneError
from lintune_server.lint import cache, kept, part
from lintune_server.lint.line_check import LineChecker
from lintune_server.lint.lines import LINE_END, LINE_END_BYTES, decoded
from lintune_server.lint.needles import asking
from lintune_server.lint.part import CheckedPiece, Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lintune_server.lint.line_check import CheckedLine
    from lintune_server.lint.sample import Surroundings

PIECE_BYTES = 1 << 18
"""Some 400 samples, checked in a twentieth of a second: no core waits long for the last piece of another, and in an
editor no more is checked again after an edit."""
LONGEST_LINE = 16 << 20
"""Bytes. No model reads millions of tokens at once: a longer line is no sample, and is not held in memory."""
BEGINNING = 1 << 12
"""Bytes of it that are looked at all the same."""
_WORTH_KEEPING = 1 << 17
"""Bytes of a piece that takes longer to check than to look up."""
_WORTH_NEEDLES = 100
"""Lines for which it pays to load the library that finds needles."""
_WORTH_PROCESSES = 6 << 20
"""Bytes from which on other processes are worth the tenth of a second that they take to start."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of whole lines of a file, in bytes. too_long: it is one line, longer than is read."""

    start: int
    end: int
    too_long: bool = False


def cut(file: BinaryIO, size: int, length: int | None = None) -> Iterator[Piece]:
    """The pieces of the first `size` bytes, of about `length` bytes each; `PIECE_BYTES` unless said otherwise."""
    length = length or PIECE_BYTES
    start = 0
    while start < size:
        end = _line_end_before(file, start, min(start + length, size), size, length)
        if end is None:
            end = _line_end_after(file, start + length, size)
        yield Piece(start, end, too_long=end - start > LONGEST_LINE)
        start = end


def _line_end_before(file: BinaryIO, start: int, end: int, size: int, length: int) -> int | None:
    """The end of the last whole line between two places; None when there is none."""
    if end == size:
        return end if end - start <= length else None
    found = _last(file, b"\n", start, end)
    if found is None:
        found = _last(file, b"\r", start, end - 1)  # behind one at the very end, a line feed may follow
    return None if found is None else found + 1


def _last(file: BinaryIO, byte: bytes, start: int, end: int) -> int | None:
    step = 1 << 16
    while end > start:
        begin = max(end - step, start)
        at = read_at(file, begin, end - begin).rfind(byte)
        if at >= 0:
            return begin + at
        end = begin
    return None


def _line_end_after(file: BinaryIO, start: int, size: int) -> int:
    step = 1 << 20
    while start < size:
        data = read_at(file, start, min(step, size - start))
        at = data.find(b"\n")
        if at >= 0:
            return start + at + 1
        start += len(data)
    return size


def read_at(file: BinaryIO, start: int, length: int) -> bytes:
    """Raises LintuneError when the file ends before."""
    file.seek(start)
    data = file.read(length)
    if len(data) < length:
        raise LintuneError(f"{file.name} was cut short while it was read. Check it again.")
    return data


class PieceChecker:
    """Checks pieces of one file."""

    def __init__(self, path: Path, source: Path, surroundings: Surroundings, key: bytes | None = None) -> None:
        """path: what findings name. source: the file that is read. key: of all else that findings depend on.

        With a key, what is found in a piece is looked up in the cache, and kept there.
        """
        self._source = source
        self._checker = LineChecker(path, surroundings)
        self._key = key

    def prepare(self) -> None:
        """Load what many lines need, once for all processes that are forked from this one."""
        self._checker.prepare()

    def check(self, piece: Piece) -> CheckedPiece:
        with self._source.open("rb") as file:
            if piece.too_long:
                return self._too_long(read_at(file, piece.start, BEGINNING), piece.end - piece.start)
            data = read_at(file, piece.start, piece.end - piece.start)
        if self._key is None:
            return self._check(data)
        key = cache.key_of(self._key, data)
        worth_keeping = len(data) >= _WORTH_KEEPING
        checked = kept.get(key) if worth_keeping else None
        if checked is None:
            checked = self._check(data)
            if worth_keeping:
                kept.put(key, checked)
        checked.part.key = key
        return checked

    def _check(self, data: bytes) -> CheckedPiece:
        offsets = line_offsets(data)

        def check(lines: Sequence[str], numbers: Sequence[int]) -> list[CheckedLine]:
            few = len(lines) < _WORTH_NEEDLES
            return self._checker.check(lines, None if few else asking(data, offsets, numbers))

        return CheckedPiece(part.build(decoded(data), check), offsets)

    def _too_long(self, beginning: bytes, length: int) -> CheckedPiece:
        """Stand in for the line with its beginning: what is found there is all that is said of it."""
        text = LINE_END.split(beginning.decode("utf-8", "ignore"))[0]
        checked = part.build(f"{text}\n", lambda lines, _: [self._checker.too_long(line, length) for line in lines])
        return CheckedPiece(checked, array("Q", [0]))


def line_offsets(data: bytes) -> array[int]:
    """The byte at which each line begins, but for an empty last one."""
    offsets = array("Q", [0])
    if b"\r" in data:
        offsets.extend(match.end() for match in LINE_END_BYTES.finditer(data))
    else:
        at = data.find(b"\n")
        while at >= 0:
            offsets.append(at + 1)
            at = data.find(b"\n", at + 1)
    if offsets[-1] == len(data):
        offsets.pop()
    return offsets


def check(
    path: Path, size: int, checker: PieceChecker, progress: Callable[[int], None] = lambda _: None
) -> tuple[Part, array[int]]:
    """Check the first `size` bytes of a file.

    Returns what is known of its lines, and the byte at which each of them begins. progress: told of the bytes that are
    done. Raises LintuneError and OSError.
    """
    whole = Part()
    offsets = array("Q")
    keys: list[bytes] = []
    with path.open("rb") as file:
        for piece, checked in each(cut(file, size), size, checker):
            whole.append(checked.part)
            keys.append(checked.part.key)
            offsets.extend(offset + piece.start for offset in checked.offsets)
            progress(piece.end)
    whole.key = cache.key_of(*keys) if keys and all(keys) else b""
    if len(offsets) < whole.shape.lines:  # the file ends with a line end, or is empty: an empty line is the last
        offsets.append(size)
    return whole, offsets


def each(pieces: Iterator[Piece], size: int, checker: PieceChecker) -> Iterator[tuple[Piece, CheckedPiece]]:
    """Check pieces of `size` bytes in all, in their order. Raises LintuneError and OSError."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if size < _WORTH_PROCESSES or cores == 1 or not _can_fork():
        for piece in pieces:
            yield piece, checker.check(piece)
        return
    checker.prepare()
    gc.freeze()  # what there is now stays as it is in all processes
    global _checker
    _checker = checker  # the forked processes have it, tokenizer and all
    pool = ProcessPoolExecutor(cores, get_context("fork"), _start, (os.getpid(),))
    try:
        ahead: deque[tuple[Piece, object]] = deque()
        for piece in pieces:
            ahead.append((piece, pool.submit(_check, piece)))
            if len(ahead) > 2 * cores:
                first, future = ahead.popleft()
                yield first, future.result()  # type: ignore[attr-defined]
        for first, future in ahead:
            yield first, future.result()  # type: ignore[attr-defined]
    except BrokenProcessPool as error:
        raise LintuneError(
            "A process that was checking the file was killed, perhaps out of memory. Check fewer files at once."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)
        _checker = None


def _can_fork() -> bool:
    """Forking is sound only while there is one thread, libraries' own threads included, or else that of deadlines."""
    own = [thread for thread in threading.enumerate() if thread.name != deadline.WATCHDOG]
    try:
        return len(own) == 1 and len(list(Path("/proc/self/task").iterdir())) == threading.active_count()
    except OSError:
        return False


_checker: PieceChecker | None = None


def _start(parent: int) -> None:
    _end_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the parent ends this one
    gc.disable()  # a line refers to nothing that refers to it, and looking for such rings takes a tenth of the time
    os.environ["RAYON_NUM_THREADS"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"


def _end_with(parent: int) -> None:
    """End this process when its parent is killed: it would wait for work for ever, and hold the parent's pipes open."""
    import ctypes

    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was killed before
        os._exit(1)


_PR_SET_PDEATHSIG = 1
"""From linux/prctl.h. There is no forking elsewhere (`_can_fork`)."""


def _check(piece: Piece) -> CheckedPiece:
    assert _checker is not None
    return _checker.check(piece)
