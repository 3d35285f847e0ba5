"""Which encoding bytes are in that are no UTF-8."""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

NAMES = {
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "utf-32-le": "UTF-32",
    "utf-32-be": "UTF-32",
    "cp1252": "Windows-1252",
    "cp1250": "Windows-1250",
    "cp1251": "Windows-1251",
    "cp1253": "Windows-1253",
    "cp1254": "Windows-1254",
    "cp1255": "Windows-1255",
    "cp1256": "Windows-1256",
    "koi8_r": "KOI8-R",
    "mac_roman": "Mac Roman",
    "cp850": "DOS (code page 850)",
    "cp866": "DOS (code page 866)",
    "cp932": "Shift JIS",
    "euc_jp": "EUC-JP",
    "gb18030": "GB 18030",
    "big5": "Big5",
    "cp949": "EUC-KR",
}
"""Codecs of what is looked for, and what people call them."""

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins like UTF-16's
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ZEROS = {
    "utf-32-le": (False, True, True, True) * 2,
    "utf-32-be": (True, True, True, False) * 2,
    "utf-16-le": (False, True, False, True),
    "utf-16-be": (True, False, True, False),
}
"""Which of the first bytes are 0."""
_ENOUGH = 1 << 15
"""Bytes from which the encoding is guessed: what they say does not change with more."""


def wide(data: bytes) -> str | None:
    """UTF-16 or UTF-32, by its mark or by the two ASCII characters with which all JSON begins (RFC 4627, 3)."""
    for bom, codec in _BOMS:
        if data.startswith(bom):
            return codec
    for codec, pattern in _ZEROS.items():
        if len(data) >= 8 and tuple(byte == 0 for byte in data[: len(pattern)]) == pattern:
            return codec
    return None


_WESTERN_LETTERS = frozenset("ßàáâãäåæçèéêëìíîïñòóôõöøùúûüœ")
_WESTERN_MARKS = frozenset("‘’‚“”„‹›–—…•€£§©®™°«»¿¡ª")
_LONGEST_WESTERN = 3
"""More than so many characters beyond ASCII in a row are hardly ever Western European."""
_RUNS = re.compile(r"[^\x00-\x7f]+")
_NOT_WESTERN = re.compile(r"[ìòù][a-z]|õ(?!e)")
"""The first three end words in Italian and French, and the last is Portuguese before e. Elsewhere they are Czech and
Hungarian letters of Windows-1250."""
_TEXT_BEYOND_ASCII = re.compile(rb'"([^"]*[\x80-\xff][^"]*)"')


def western(data: bytes) -> str | None:
    """The text of a few bytes beyond ASCII in Windows-1252, when that is likely."""
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return None
    likely = all(char.lower() in _WESTERN_LETTERS or char in _WESTERN_MARKS for char in text)
    return text if likely and len(text) <= _LONGEST_WESTERN else None


@lru_cache(maxsize=64)
def guess(data: bytes) -> str | None:
    """The codec that these lines are most likely in; None when nothing fits.

    Windows-1252 by far the most often. It is told by its letters: from a few sentences charset-normalizer takes French
    for Windows-1250.
    """
    data = data[:_ENOUGH]
    latin = data.decode("latin-1")
    if not _NOT_WESTERN.search(latin) and all(western(run.encode("latin-1")) for run in _RUNS.findall(latin)):
        return "cp1252"
    from charset_normalizer import from_bytes

    # Keys and texts in English say nothing.
    telling = b"\n".join(_TEXT_BEYOND_ASCII.findall(data)) or data
    best = from_bytes(telling, cp_isolation=[name for name in NAMES if not name.startswith("utf")]).best()
    return best.encoding if best is not None and best.encoding in NAMES else None


def is_cut(data: bytes) -> bool:
    """Whether bytes are the beginning of a UTF-8 character that is longer, and little else.

    A letter such as é alone looks the same in Windows-1252; so one byte of 0x80 to 0x9F, where that has no letters
    to speak of, must follow.
    """
    length = 2 if data[0] < 0xE0 else 3 if data[0] < 0xF0 else 4
    return 0xC2 <= data[0] <= 0xF4 and 1 < len(data) < length and any(byte < 0xA0 for byte in data[1:])
