"""Special tokens (`<|im_end|>`, …) in the texts of a sample, where the model reads them as control."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lintune_server.language_server.datasets.cursor import TEXT
from lintune_server.lint import json_source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.json_source import Span
    from lintune_server.lint.sample import Line

_STRING = re.compile(TEXT, re.DOTALL)


def find(line: Line, pattern: re.Pattern[str]) -> list[Span]:
    """Columns of every special token, in their order. pattern: of the tokenizer's.

    Of a line that is no sample (yet) every text counts: its keys cannot be told apart.
    """
    text = line.text
    if "\\" not in text and not pattern.search(text):
        return []
    if line.layout is not None:
        return sorted(_in_sample(line, pattern))
    return [span for string in _STRING.finditer(text) for span in _in_literal(text, *string.span(), pattern)]


def _in_sample(line: Line, pattern: re.Pattern[str]) -> Iterator[Span]:
    for text in line.texts:
        found = [match.span() for match in pattern.finditer(text.text)]
        if found:
            node = line.positions.at(text.path)
            for start, end in found:
                yield node.offset(start), node.offset(end)


def _in_literal(text: str, start: int, end: int, pattern: re.Pattern[str]) -> Iterator[Span]:
    literal = text[start:end]
    if "\\" not in literal:
        yield from (match.span() for match in pattern.finditer(text, start, end))
        return
    closed = literal if len(literal) > 1 and literal.endswith('"') else f'{literal}"'
    offsets = json_source.StringOffsets(closed, start)
    for match in pattern.finditer(json_source.decode(closed)):
        yield offsets.raw(match.start()), offsets.raw(match.end())
