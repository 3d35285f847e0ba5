"""What is around a place on a line of a data set: a text, its member, its object, and so on up to the line."""

from __future__ import annotations

import re

import orjson

from lintune_server.language_server.datasets.cursor import TEXT, is_closed
from lintune_server.lint import json_source
from lintune_server.lint.lines import BOM

_STRING = re.compile(TEXT, re.DOTALL)

Span = tuple[int, int]
"""Columns in code points, half-open."""


def spans_at(line: str, column: int) -> list[Span]:
    """Every span that holds the column, outermost first: the whole line, what is JSON in it, the inside of a text.

    Of a line that is no JSON only the line, and the text in quotes that the column seems to be in.
    """
    try:
        orjson.loads(line.removeprefix(BOM))
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        inner = _text_at(line, column)
    else:
        inner = list(json_source.around(line, column))
    spans = [(0, len(line))]
    for span in inner:
        if span != spans[-1]:
            spans.append(span)
    return spans


def _text_at(line: str, column: int) -> list[Span]:
    for string in _STRING.finditer(line):
        start, end = string.span()
        closed = is_closed(line, start, end)
        if start < column < end + (not closed):
            return [(start, end), (start + 1, end - closed)]
        if start >= column:
            break
    return []
