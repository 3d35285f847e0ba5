"""What is known of a file besides its samples: its first bytes, its line ends, its blank lines."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lintune_server.lint.lines import encoded

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a file."""

    size: int
    """Bytes in the whole file."""
    data: bytes
    """The first of them, `HEAD_BYTES` at most."""
    read: Callable[[], bytes]
    """All of them. A rule asks only when the file is small enough to be held, some ten megabytes."""

    @classmethod
    def of(cls, text: str) -> Head:
        data = encoded(text)
        return cls(len(data), data[:HEAD_BYTES], lambda: data)

    @property
    def whole(self) -> bool:
        """Whether `data` is all there is."""
        return len(self.data) == self.size


@dataclass(slots=True)
class Shape:
    """Of a file's text. Lines are numbered from 0; there is always a last one without a line end, perhaps empty."""

    lines: int = 1
    last: str = ""
    """The text of the last line."""
    boms: array[int] = field(default_factory=lambda: array("Q"))
    """Lines that begin with a byte order mark."""
    blank: array[int] = field(default_factory=lambda: array("Q"))
    """Lines with nothing but white space that have a line end."""
    ends: dict[str, int] = field(default_factory=lambda: {"\n": 0, "\r\n": 0, "\r": 0})
    """How many lines end with each."""
    carriage_returns: dict[str, array[int]] = field(default_factory=lambda: {"\r\n": array("Q"), "\r": array("Q")})
    """The lines that end with one."""
    cut_texts: array[int] = field(default_factory=lambda: array("Q"))
    """The lines whose end, a carriage return alone, stands within a text in double quotes."""

    def append(self, other: Shape) -> None:
        """Put what comes next in the file behind this, which ends with a line end: its last line is empty."""
        base = self.lines - 1
        self.lines += other.lines - 1
        self.last = other.last
        for numbers, more in (
            (self.boms, other.boms),
            (self.blank, other.blank),
            (self.cut_texts, other.cut_texts),
        ):
            numbers.extend(number + base for number in more)
        for end, count in other.ends.items():
            self.ends[end] += count
        for end, numbers in other.carriage_returns.items():
            self.carriage_returns[end].extend(number + base for number in numbers)
