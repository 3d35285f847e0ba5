"""Texts as words, so that case, punctuation, white space and the width of characters make no difference."""

from __future__ import annotations

import re
from functools import cache
from itertools import groupby
from unicodedata import category, normalize

_ONE_BY_ONE = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Thai, Lao, Burmese, Khmer, Japanese and Chinese are written without spaces: each character counts as a word."""

ASCII_WORDS = bytes(ord(chr(number).lower()) if chr(number).isalnum() and number < 128 else 32 for number in range(256))
"""All that is no letter or digit is a space; of bytes, which are translated ten times as fast as characters."""


def words(text: str) -> list[str]:
    """The words of a text in their plainest form. Signs (`+`, `=`, `$`) are none."""
    if text.isascii():
        # Apostrophes go, so that “dont” is “don't”.
        return text.encode("ascii").translate(ASCII_WORDS, b"'").decode("ascii").split()
    words_of, _ = _patterns()
    return words_of.findall(_folded(text))


def words_and_signs(text: str) -> list[str]:
    """The same with what carries a meaning of its own: signs, the minus of `-5`, the points in `1.5` and `10:30`.

    What differs only in punctuation has equal ones; `3 + 4` and `3 - 4`, of the same `words`, have not.
    """
    _, all_of = _patterns()
    return all_of.findall(_folded(text))


def prepare() -> None:
    """Make the patterns that texts with other than ASCII characters need: a twentieth of a second."""
    _patterns()


def _folded(text: str) -> str:
    """Case and the width of characters gone, and what cannot be seen.

    Each of the three may make work for another: ŉ becomes ʼn, and an accent behind a soft hyphen joins its letter.
    """
    unseen = _unseen()
    text = normalize("NFKC", normalize("NFKC", unseen.sub("", text)).casefold())
    return normalize("NFKC", unseen.sub("", text))


@cache
def _unseen() -> re.Pattern[str]:
    """Apostrophes, and the characters that only say how to show others (zero width spaces, soft hyphens)."""
    return re.compile(f"['’ʼ{_of_category('Cf')}]")


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What finds words, and what finds words and signs. Made when needed: it takes some milliseconds."""
    ascii_apart = "".join(re.escape(chr(number)) for number in range(128) if not chr(number).isalnum())
    word = f"[{_ONE_BY_ONE}]|[^{ascii_apart}{_of_category('P', 'Z')}{_ONE_BY_ONE}]+"
    sign = r"[+=<>|~^$%&@#/\\]"
    in_number = r"[-–—*](?=\s*\d)|(?<=\d)[.,:](?=\d)"
    return re.compile(word), re.compile(f"{sign}|{in_number}|{word}")


def _of_category(*beginnings: str) -> str:
    """The characters of some categories outside ASCII, as ranges in a set of a pattern.

    Of the Basic Multilingual Plane: the punctuation beyond it is that of scripts nobody writes any more.
    """
    return "".join(
        f"{re.escape(chr(first))}-{re.escape(chr(last))}"
        for first, last, name in _ranges()
        if name.startswith(beginnings)
    )


@cache
def _ranges() -> list[tuple[int, int, str]]:
    """First and last of the characters in a row that are of one category."""
    found = []
    last = _FIRST_BEYOND_ASCII
    for name, numbers in groupby(range(_FIRST_BEYOND_ASCII, 0x10000), lambda number: category(chr(number))):
        first, last = last, last + sum(1 for _ in numbers)
        found.append((first, last - 1, name))
    return found


_FIRST_BEYOND_ASCII = 0x80
