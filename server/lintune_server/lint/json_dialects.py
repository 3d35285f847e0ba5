"""How Python, JavaScript, JSON5 and word processors write what JSON writes otherwise."""

from __future__ import annotations

import json
import re

from lintune_server.lint.fault import Fault, Mend, Sort

_SINGLE = re.compile(r"[uU]?'([^'\\\n]*+(?:\\.[^'\\\n]*+)*+)'")
_UNICODE = re.compile(r'[uU](?=")')
_CURLY = re.compile(r"[“”„‟]([^“”„‟\"\\\n]*+)[“”„‟]")
_KEY = re.compile(r"([\w$][\w$-]*)(?=[ \t\r\n]*:)")
_BODY_PART = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)|[\"\x00-\x1f]", re.DOTALL)
_FOREIGN_ESCAPE = re.compile(r"\\(?:'|x[0-9a-fA-F]{2}|U[0-9a-fA-F]{8})")
_DECIMAL = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_HEXADECIMAL = re.compile(r"([+-]?)0[xX]([0-9a-fA-F]+)")
_LEADING_ZERO = re.compile(r"[+-]?0\d[\d.]*", re.ASCII)
_UNDERSCORE = re.compile(r"(?<=\d)_(?=\d)", re.ASCII)

_LITERALS = {"true": "true", "false": "false", "null": "null", "none": "null", "nil": "null"}
_PYTHON = {"True", "False", "None"}
_NOT_FINITE = {"nan", "infinity", "inf"}


def quoted(text: str, at: int) -> Fault | None:
    """A string in other quotes than JSON's that begins at a place."""
    if match := _SINGLE.match(text, at):
        body, certain = _body(match.group(1))
        message = "single quotes are not JSON: write texts in double quotes"
        return Fault(Sort.QUOTES, at, match.end(), message, body, Mend.SAFE if certain else Mend.UNSAFE)
    if match := _UNICODE.match(text, at):
        return Fault(Sort.QUOTES, at, match.end(), "u before a text is Python 2: JSON has none", "", Mend.SAFE)
    if match := _CURLY.match(text, at):
        message = "curly quotes are not JSON: write texts in straight double quotes"
        return Fault(Sort.CURLY_QUOTES, at, match.end(), message, f'"{match.group(1)}"', Mend.UNSAFE)
    return None


def bare_key(text: str, at: int) -> Fault | None:
    """A key without quotes that begins at a place."""
    match = _KEY.match(text, at)
    if not match:
        return None
    key = match.group(1)
    # Of None: 1, Python makes "null", JavaScript "None".
    mend = Mend.NO if key.lower() in _LITERALS else Mend.SAFE
    return Fault(Sort.BARE_KEY, at, match.end(), f'keys are written in double quotes: “"{key}"”', f'"{key}"', mend)


def word(written: str, at: int) -> Fault | None:
    """A name or number that stands at a place and that JSON writes otherwise, or not at all."""
    end = at + len(written)
    if literal := _LITERALS.get(written.lower()):
        what = "Python" if written in _PYTHON else "not JSON"
        return Fault(Sort.WORD, at, end, f"{written} is {what}: JSON writes {literal}", literal, Mend.SAFE)
    if written.lstrip("+-").lower() in _NOT_FINITE:
        return Fault(Sort.NOT_FINITE, at, end, f"{written} is no JSON number: use null or a text", "null")
    if written == "undefined":
        return Fault(Sort.NOT_FINITE, at, end, "undefined is JavaScript: use null, or leave the key out", "null")
    if _LEADING_ZERO.fullmatch(written):
        message = f"{written} begins with 0, as no JSON number does: is it a text? Then write it in double quotes"
        return Fault(Sort.NUMBER, at, end, message, "0")
    number = _number(written)
    if number is None:
        return None
    return Fault(Sort.NUMBER, at, end, f"{written} is not how JSON writes a number: write {number}", number, Mend.SAFE)


def escape(text: str, at: int) -> Fault | None:
    """An escape of Python's or JavaScript's that begins at a place, in a string in double quotes."""
    match = _FOREIGN_ESCAPE.match(text, at)
    meant = _meant(match.group()) if match else None
    if not match or meant is None:
        return None
    written = match.group()
    what = "needs no backslash in JSON" if written == "\\'" else f"is not JSON: write {meant}"
    shown = "'" if written == "\\'" else written
    return Fault(Sort.FOREIGN_ESCAPE, at, match.end(), f"{shown} {what}", meant, Mend.SAFE)


def _body(body: str) -> tuple[str, bool]:
    """The JSON string for what stands between single quotes, and whether Python and JavaScript agree on it."""
    certain = True

    def replace(match: re.Match[str]) -> str:
        nonlocal certain
        part = match.group()
        if part[0] != "\\":
            return json.dumps(part)[1:-1]
        if part[1] in '"\\/bfnrt' or (part[1] == "u" and len(part) == 6):
            return "\\/" if part == "\\/" else part
        meant = _meant(part)
        if meant is None:
            certain = False
            meant = f"\\\\{json.dumps(part[1])[1:-1]}"
        return meant

    return f'"{_BODY_PART.sub(replace, body)}"', certain


def _meant(escape_: str) -> str | None:
    """How JSON writes what Python and JavaScript mean by an escape."""
    if escape_ == "\\'":
        return "'"
    if escape_[1] in "xU" and len(escape_) > 2 and int(escape_[2:], 16) <= 0x10FFFF:
        return json.dumps(chr(int(escape_[2:], 16)))[1:-1]
    return None


def _number(written: str) -> str | None:
    number = _UNDERSCORE.sub("", written)
    if match := _HEXADECIMAL.fullmatch(number):
        return f"{'-' if match.group(1) == '-' else ''}{int(match.group(2), 16)}" if len(number) < 20 else None
    sign = "-" if number.startswith("-") else ""
    number = re.sub(r"\.(?!\d)", ".0", number.lstrip("+-"))
    number = sign + (f"0{number}" if number.startswith(".") else number)
    return number if _DECIMAL.fullmatch(number) and number != written else None
