"""A large data set while it is edited: after an edit only the lines around it are looked at again.

The text is held in blocks of some hundred lines, each with what is known of it. Joining that, and comparing samples,
takes a fraction of the time that the lines take.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

from lintune_server.lint import judging, part, pieces, scanning
from lintune_server.lint.line_check import LineChecker
from lintune_server.lint.lines import decoded, encoded, with_ends, without_end
from lintune_server.lint.part import Part
from lintune_server.lint.peers import Peers
from lintune_server.lint.shape import HEAD_BYTES, Head
from lintune_server.lint.sieve import Sieve

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from lintune_server.lint.context import Context
    from lintune_server.lint.findings import Finding
    from lintune_server.lint.line_check import CheckedLine
    from lintune_server.lint.pieces import Piece
    from lintune_server.lint.sample import Surroundings
    from lintune_server.lint.selection import Selection

BLOCK_BYTES = pieces.PIECE_BYTES
"""What was found in a piece is remembered, and known when the file is opened again."""
_BLOCK_LINES = 1_000
"""Short lines take as long to check as longer ones."""


class LiveDataSet:
    """The text of one data set, and what is found in it. Not safe for several threads at once.

    path: what findings name. source: a file with the text, which stays as it is. selection: on top of the recipe's.
    """

    def __init__(self, path: Path, context: Context, source: Path, selection: Selection | None = None) -> None:
        self.path = path
        self._selection = selection
        self._source = source
        self._file = source.open("rb")
        self._size = source.stat().st_size
        places = pieces.cut(self._file, self._size, BLOCK_BYTES)
        self._blocks = [_Block(None, self._file, piece) for piece in places] or [_Block("")]
        self._starts: list[int] | None = None
        self._surroundings: Surroundings | None = None
        self.context = context

    def close(self) -> None:
        self._file.close()

    def renew(self, context: Context) -> None:
        """The recipe or the tokenizer is another: nothing that was found counts any more."""
        self.context, self._surroundings = context, None

    def edit(self, first: int, removed: int, text: str) -> None:
        """Put a text in the place of `removed` lines from `first` on, line ends included; all are known to be there."""
        at, beyond = self._block_of(first), self._block_of(first + max(removed, 1) - 1) + 1
        first -= self._starts_of_blocks()[at]
        lines = [line for block in self._blocks[at:beyond] for line in with_ends(block.text)]
        lines[first : first + removed] = with_ends(decoded(encoded(text)))
        self._blocks[at:beyond] = [_Block(text) for text in _in_blocks(lines)]
        self._blocks = self._blocks or [_Block("")]
        self._starts = None

    def findings(self, progress: Callable[[int, int], None] = lambda *_: None) -> list[Finding]:
        """Every finding that counts, in the order of the file. progress: told the bytes that are checked, and all.

        Raises LintuneError and OSError.
        """
        context = self.context
        sieve = Sieve.of(self.path, context.recipe, context.recipe_path, self._selection)
        head = self._head()
        found = scanning.check_head(head, self.path)
        if found:
            return sieve.sift(found, lambda _: "")
        surroundings = scanning.surroundings_at(head, self.path, context)
        if surroundings != self._surroundings:
            self._surroundings = surroundings
            for block in self._blocks:
                block.part = None
        self._check(surroundings, progress)
        whole = Part()
        for block in self._blocks:
            assert block.part is not None
            whole.append(block.part)
        data = judging.data_set(self.path, whole, surroundings, self.text_of)
        peers = Peers.of(context, lambda path: scanning.peer(path, context))
        return sieve.sift([*whole.findings, *judging.judge(data, whole, peers, sieve.asks)], data.text_of)

    def text_of(self, number: int) -> str:
        """A line, without its line end."""
        at = self._block_of(number)
        return self._blocks[at].line(number - self._starts_of_blocks()[at])

    def _check(self, surroundings: Surroundings, progress: Callable[[int, int], None]) -> None:
        unread = [block for block in self._blocks if block.part is None and block.piece]
        places = [block.piece for block in unread if block.piece]
        key = scanning.key_of(self.path, surroundings, self.context)
        checker = pieces.PieceChecker(self.path, self._source, surroundings, key)
        done = pieces.each(iter(places), sum(block.size for block in unread), checker)
        for block, (piece, checked) in zip(unread, done, strict=True):
            block.part, block.offsets = checked.part, checked.offsets
            progress(piece.end, self._size)
        lines = LineChecker(self.path, surroundings)
        for block in self._blocks:
            if block.part is None:
                block.part = part.build(block.text, lambda texts, _: _checked(lines, texts))

    def _head(self) -> Head:
        data, size = b"", 0
        for block in self._blocks:
            if len(data) < HEAD_BYTES:
                data += encoded(block.text)
            size += block.size
        return Head(size, data[:HEAD_BYTES], lambda: encoded("".join(block.text for block in self._blocks)))

    def _block_of(self, number: int) -> int:
        """The index of the block with a line; the last one's for lines beyond."""
        return max(bisect_right(self._starts_of_blocks(), number) - 1, 0)

    def _starts_of_blocks(self) -> list[int]:
        if self._starts is None:
            self._starts = [0, *accumulate(block.lines for block in self._blocks[:-1])]
        return self._starts


class _Block:
    """Whole lines: all but the last block end with a line end."""

    def __init__(self, text: str | None, file: BinaryIO | None = None, piece: Piece | None = None) -> None:
        """text: None for what is as it is in the file."""
        self._text = text
        self._file = file
        self.piece = piece
        """Where in the file it is; None for what was edited."""
        self.part: Part | None = None
        self.offsets: array[int] | None = None
        """Of the lines of what was checked in the file, from the start of the piece."""

    @property
    def text(self) -> str:
        return decoded(self._read(0, None)) if self._text is None else self._text

    @cached_property
    def size(self) -> int:
        """In bytes."""
        return self.piece.end - self.piece.start if self.piece else len(encoded(self.text))

    @cached_property
    def lines(self) -> int:
        """How many there are, without an empty last one."""
        return len(with_ends(self.text))

    def line(self, number: int) -> str:
        """A line without its line end; empty beyond the last."""
        if self.offsets is None:
            lines = with_ends(self.text)
            return without_end(lines[number]) if number < len(lines) else ""
        if number >= len(self.offsets):
            return ""
        end = self.offsets[number + 1] if number + 1 < len(self.offsets) else None
        return without_end(decoded(self._read(self.offsets[number], end)))

    def _read(self, start: int, end: int | None) -> bytes:
        assert self._file is not None
        assert self.piece is not None
        end = self.size if end is None else end
        return pieces.read_at(self._file, self.piece.start + start, end - start)


def _in_blocks(lines: Sequence[str]) -> Iterator[str]:
    """Texts of some hundred lines each."""
    start = size = 0
    for end, line in enumerate(lines, start=1):
        size += len(line)
        if size >= BLOCK_BYTES or end - start >= _BLOCK_LINES:
            yield "".join(lines[start:end])
            start, size = end, 0
    if start < len(lines):
        yield "".join(lines[start:])


def _checked(checker: LineChecker, texts: Sequence[str]) -> list[CheckedLine]:
    """As `LineChecker.check`, of lines of any length."""
    # A character takes four bytes at the most, so that hardly a line has to be encoded to know.
    sizes = [len(encoded(text)) if len(text) > pieces.LONGEST_LINE // 4 else 0 for text in texts]
    others = iter(checker.check([text for text, size in zip(texts, sizes, strict=True) if size <= pieces.LONGEST_LINE]))
    return [
        next(others) if size <= pieces.LONGEST_LINE else checker.too_long(text[: pieces.BEGINNING], size)
        for text, size in zip(texts, sizes, strict=True)
    ]
