"""What a fault in a JSON text is: where it is, what it is a case of, what could be written instead."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Sort(Enum):
    """What a fault is a case of."""

    SYNTAX = auto()
    UNFINISHED = auto()
    """The text ends too early."""
    CONTROL = auto()
    """A raw control character inside a string."""
    ESCAPE = auto()
    """A backslash that begins no escape."""
    SPACE = auto()
    """White space that JSON does not know."""
    TOO_MUCH = auto()
    """Too long, too deep, too large for programs to read."""
    SEVERAL = auto()
    """Another value begins where the line should end."""
    BYTES = auto()
    """Bytes that are no UTF-8."""
    NUL = auto()
    SURROGATE = auto()
    """Half of a pair."""

    TRAILING_COMMA = auto()
    COMMENT = auto()
    QUOTES = auto()
    CURLY_QUOTES = auto()
    BARE_KEY = auto()
    WORD = auto()
    NOT_FINITE = auto()
    NUMBER = auto()
    FOREIGN_ESCAPE = auto()


DIALECT = frozenset(
    {
        Sort.TRAILING_COMMA,
        Sort.COMMENT,
        Sort.QUOTES,
        Sort.CURLY_QUOTES,
        Sort.BARE_KEY,
        Sort.WORD,
        Sort.NOT_FINITE,
        Sort.NUMBER,
        Sort.FOREIGN_ESCAPE,
    }
)
"""What other languages have and JSON does not."""


class Mend(Enum):
    """What a fault's text is good for."""

    SAFE = auto()
    UNSAFE = auto()
    """A fix that may lose something, or may not be what was meant."""
    NO = auto()
    """No fix: it stands in for what cannot be known, so that the rest can be read."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Offsets are code points; half-open."""

    sort: Sort
    start: int
    end: int
    message: str
    text: str | None = None
    """What to write in the place of `replaced`; None where there is no telling."""
    mend: Mend = Mend.NO
    replaced: tuple[int, int] | None = None
    """Where that is not `start` to `end`."""

    @property
    def place(self) -> tuple[int, int]:
        """What `text` is written over."""
        return self.replaced or (self.start, self.end)
