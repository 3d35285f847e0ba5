"""Where to report what is wrong with turns, or with samples throughout a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lintune_server.lint.problems import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lintune_schemas.conversations import Turn
    from lintune_server.lint.sample import Line

_FEW = 20
_SHARE = 0.1
"""Of a file's samples: so many can still be the exception."""


def marked(marks: Sequence[int]) -> Iterator[tuple[int, str]]:
    """The indices of the marked samples that are reported, each with a sentence to add, or nothing.

    While they are the exception in their file it is something in them, and each is reported. Where they are not, they
    have one cause in template or tokenizer: the first of them stands for all, and the sentence says how many there are.

    marks: not 0 where a sample is marked, one for each sample of the file.
    """
    count = len(marks) - marks.count(0)
    if count == 0:
        return
    exception = count * 2 <= len(marks) and count <= max(_FEW, len(marks) * _SHARE)
    where = "" if exception or count == 1 else f" This is so in {_of(count, len(marks))}."
    for index, mark in enumerate(marks):
        if mark:
            yield index, where
            if not exception:
                return


def _of(count: int, samples: int) -> str:
    return f"all {count:,} samples" if count == samples else f"{count:,} of {samples:,} samples"


def of_turn(turn: Turn, line: Line) -> Value:
    """The text of a turn; its message where that has none, as one that is only calls."""
    value: Any = line.sample
    for key in turn.path:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return Value(turn.path[:-1])
    return Value(turn.path)


def of_message(turn: Turn) -> Value:
    """The whole message of a turn; where a format has no messages, its text."""
    return Value(turn.path[:-1] if len(turn.path) > 2 else turn.path)
