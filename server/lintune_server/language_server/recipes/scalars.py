"""Where in a line of YAML keys, quoted texts and comments end: good enough for lines that are half written."""

from __future__ import annotations

import re

import yaml

_SPACES = re.compile(r"[ \t]*")
_NO_KEY = frozenset("[]{},#&*!|>%@`")
"""No plain text of YAML begins with them."""


def key_end(text: str, column: int) -> int | None:
    """The column of the colon behind a key that begins at a column; None when no key does."""
    if text[column] in _NO_KEY:
        return None
    if text[column] in "\"'":
        colon = skip_spaces(text, quote_end(text, column))
        return colon if text[colon : colon + 1] == ":" and text[colon + 1 : colon + 2] in ("", " ", "\t") else None
    comment = comment_start(text, column)
    at = column
    while (at := text.find(":", at, comment)) >= 0:
        if text[at + 1 : at + 2] in ("", " ", "\t"):
            return at
        at += 1
    return None


def quote_end(text: str, column: int) -> int:
    """The column behind a quoted text that begins at a column; the line's end when it is not closed."""
    quote = text[column]
    at = column + 1
    while at < len(text):
        if text[at] == "\\" and quote == '"':
            at += 1
        elif text[at] == quote:
            if quote == "'" and text[at + 1 : at + 2] == "'":
                at += 1
            else:
                return at + 1
        at += 1
    return len(text)


def comment_start(text: str, column: int) -> int | None:
    """Where a comment begins at or behind a column; a `#` inside a word or a quoted text begins none."""
    if text[column : column + 1] in ('"', "'"):
        column = quote_end(text, column)
    while (column := text.find("#", column)) >= 0:
        if column == 0 or text[column - 1] in " \t":
            return column
        column += 1
    return None


def unquoted(raw: str) -> str:
    """What a scalar says: quotes taken off, also when the second one is not there yet."""
    quote = raw[:1]
    if quote not in ('"', "'") or not raw:
        return raw
    if not is_closed(raw):
        return raw[1:]
    if quote == "'":
        return raw[1:-1].replace("''", "'")
    try:
        read = yaml.safe_load(raw) if "\\" in raw else None
    except yaml.YAMLError:
        read = None
    return read if isinstance(read, str) else raw[1:-1]


def is_closed(raw: str) -> bool:
    """Whether a quoted text has its second quote."""
    return len(raw) > 1 and quote_end(raw, 0) == len(raw) and quote_end(raw + " ", 0) == len(raw)


def skip_spaces(text: str, column: int) -> int:
    """The first column from a column on that is neither a space nor a tab."""
    found = _SPACES.match(text, column)
    return found.end() if found else column
