"""What is known of a run of lines once each was checked by itself. Parts of a file are joined into one."""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lintune_server.lint.line_check import moved
from lintune_server.lint.lines import BLANK, BOM, LINE_END
from lintune_server.lint.shape import Shape
from lintune_server.rules import FACTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lintune_server.lint.findings import Finding
    from lintune_server.lint.line_check import CheckedLine

_QUOTE = re.compile(r'\\.|"')


@dataclass(slots=True)
class Part:
    """Line numbers are 0-based, from the first line of the part."""

    shape: Shape = field(default_factory=Shape)
    findings: list[Finding] = field(default_factory=list)
    samples: array[int] = field(default_factory=lambda: array("Q"))
    """The lines that hold a JSON object."""
    columns: list[Any] = field(default_factory=lambda: [fact.empty() for fact in FACTS])
    """One for each of `FACTS`, with an entry (or `width` of them) for each sample."""
    ignored: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """Rule codes that a sample's author accepts, by line."""
    unused: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """Those of them that no rule found on the line itself."""
    tokens: array[int] = field(default_factory=lambda: array("I"))
    """Of each sample; 0 where they were not counted."""
    trained_tokens: array[int] = field(default_factory=lambda: array("I"))
    key: bytes = field(default=b"", compare=False)
    """The cache's: of the lines and of all else that is known here depends on. Empty when it is not known."""

    def add(self, numbers: Sequence[int], lines: Sequence[CheckedLine]) -> None:
        """Put lines behind those that are here."""
        facts: list[tuple[Any, ...]] = []
        for number, checked in zip(numbers, lines, strict=True):
            if checked.findings:
                self.findings += [moved(finding, number) for finding in checked.findings]
            if checked.facts is None:
                continue
            facts.append(checked.facts)
            self.samples.append(number)
            self.tokens.append(checked.tokens)
            self.trained_tokens.append(checked.trained_tokens)
            if checked.ignored:
                self.ignored[number] = checked.ignored
                self.unused[number] = checked.unused
        for fact, column, values in zip(FACTS, self.columns, zip(*facts, strict=True), strict=False):
            fact.add(column, values)

    def append(self, part: Part) -> None:
        """Put the part that comes next in the file behind this one, which ends with a line end."""
        base = self.shape.lines - 1
        self.findings += [moved(finding, base) for finding in part.findings]
        self.samples.extend(number + base for number in part.samples)
        for column, more in zip(self.columns, part.columns, strict=True):
            column.extend(more)
        self.ignored |= {number + base: codes for number, codes in part.ignored.items()}
        self.unused |= {number + base: codes for number, codes in part.unused.items()}
        self.tokens.extend(part.tokens)
        self.trained_tokens.extend(part.trained_tokens)
        self.shape.append(part.shape)


@dataclass(frozen=True, slots=True)
class CheckedPiece:
    """A part of a file, and where it is in it."""

    part: Part
    offsets: array[int]
    """The byte at which each line begins, from the start of the piece; of its last line only at the end of the file."""


def split(text: str) -> tuple[list[str], Shape]:
    """The lines of a text, without their line ends, and what is known of those."""
    shape = Shape()
    if "\r" not in text:
        lines = text.split("\n")
        shape.ends["\n"] = len(lines) - 1
    else:
        lines = LINE_END.split(text)
        for number, end in enumerate(LINE_END.findall(text)):
            shape.ends[end] += 1
            if end != "\n":
                shape.carriage_returns[end].append(number)
        _see_cut_texts(lines, shape)
    shape.lines = len(lines)
    shape.last = lines[-1]
    blank = (number for number, line in enumerate(lines[:-1]) if not line or not line.strip(BLANK))
    if shape.cut_texts:
        cut = set(shape.cut_texts)
        blank = (number for number in blank if number not in cut)
    shape.blank.extend(blank)
    if BOM in text:
        shape.boms.extend(number for number, line in enumerate(lines) if line.startswith(BOM))
    return lines, shape


def _see_cut_texts(lines: Sequence[str], shape: Shape) -> None:
    before, inside = -1, False
    for number in shape.carriage_returns["\r"]:
        quotes = sum(match.group() == '"' for match in _QUOTE.finditer(lines[number]))
        inside = (quotes % 2 == 1) != (inside and number == before + 1)
        if inside:
            shape.cut_texts.append(number)
        before = number


def build(text: str, check: Callable[[Sequence[str], Sequence[int]], Sequence[CheckedLine]]) -> Part:
    """Check the lines of a text. check: is given those that are not blank, and their numbers."""
    lines, shape = split(text)
    part = Part(shape)
    blank = set(shape.blank)
    filled = [number for number in range(len(lines)) if number not in blank]
    if filled and not shape.last.strip(BLANK):
        filled.pop()
    part.add(filled, check([lines[number] for number in filled], filled))
    return part
