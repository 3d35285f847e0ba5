"""What of a data set can be folded: neighbours that belong together, or the brackets of JSON over many lines.

A sample is one line, which cannot be folded. But many files are made of parts, one after the other, each with its own
system message or instruction.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import orjson

from lintune_schemas.samples import SampleFormat
from lintune_server.language_server.datasets.cursor import TEXT
from lintune_server.language_server.datasets.words import first_words
from lintune_server.lint.lines import BLANK, BOM

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lintune_server.lint.sample import Line

_FEWEST = 3
"""Lines. Less is no part of a file."""
_BRACKET = re.compile(rf"{TEXT}|[\[\]{{}}]", re.DOTALL)


class Fold(NamedTuple):
    """Lines from the first to the last, both of them in it."""

    first: int
    last: int
    title: str
    """What to show of it when it is folded; empty for the line itself."""


def heading_of(line: Line) -> str | None:
    """The system message; of instructions with inputs, the instruction. None for a line that holds no sample."""
    if line.sample is None or line.layout is None:
        return None
    system = next((text.text for text in line.texts if text.role == "system"), None)
    if system is not None:
        return system
    if line.format is SampleFormat.ALPACA and line.sample.get(line.layout.key("input")):
        instruction = line.sample.get(line.layout.key("instruction"))
        return instruction if isinstance(instruction, str) else ""
    return ""


def runs(headings: Sequence[str | None]) -> Iterator[Fold]:
    """Neighbours with one heading; none when they all have. Lines without a sample go with those before them."""
    edges: list[tuple[int, str]] = []
    for number, heading in enumerate(headings):
        if heading is not None and (not edges or edges[-1][1] != heading):
            edges.append((number, heading))
    if len(edges) < 2:
        return
    for (first, heading), beyond in zip(edges, [*(edge[0] for edge in edges[1:]), len(headings)], strict=True):
        last = beyond - 1
        while headings[last] is None:
            last -= 1
        if last - first + 1 >= _FEWEST:
            samples = sum(one is not None for one in headings[first : last + 1])
            yield Fold(first, last, f"{samples:,} samples: {first_words(heading) or 'no system message'}")


def is_pretty_printed(lines: Sequence[str]) -> bool:
    """Whether the first line that is not blank is the beginning of JSON over many lines."""
    first = next((line for line in lines if line.strip(BLANK)), "").strip(BLANK)
    if not first.endswith(("{", "[", ",")):
        return False
    try:
        orjson.loads(first.removeprefix(BOM))
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        return True
    return False


def brackets(lines: Sequence[str]) -> Iterator[Fold]:
    """Objects and lists that end on another line than they begin."""
    open_: list[int] = []
    for number, line in enumerate(lines):
        for token in _BRACKET.finditer(line):
            char = token.group()
            if char in "[{":
                open_.append(number)
            elif char in "]}" and open_:
                first = open_.pop()
                # The last line stays in sight, with the bracket that closes it.
                if number - 1 > first:
                    yield Fold(first, number - 1, "")
