"""Where lines end."""

from __future__ import annotations

import re

LINE_END = re.compile(r"\r\n|\n|\r")
"""What editors take for a line end; not U+2028 and the like, which JSON strings may hold."""

LINE_END_BYTES = re.compile(rb"\r\n|\n|\r")

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


def with_ends(text: str) -> list[str]:
    """The lines of a text with their line ends; the last one perhaps without."""
    if "\r" not in text:
        lines = text.split("\n")
        last = lines.pop()
        lines = [f"{line}\n" for line in lines]
        return [*lines, last] if last else lines
    return _LINE.findall(text)


def without_end(line: str) -> str:
    return line.rstrip("\r\n")


BOM = "\ufeff"
"""A byte order mark, which says nothing in UTF-8. One may stand at the beginning of a file."""

BLANK = f" \t\f\v{BOM}"
"""A line of nothing else holds no sample."""

_HALF = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def encoded(text: str) -> bytes:
    """The bytes of a text, those among them that are no UTF-8.

    Other halves of surrogate pairs come from an editor alone, and are no text: U+FFFD stands for each.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return _HALF.sub("\ufffd", text).encode("utf-8", "surrogateescape")


def decoded(data: bytes) -> str:
    """The text of bytes; those that are no UTF-8 are lone surrogates in it."""
    return data.decode("utf-8", "surrogateescape")
