"""What is wrong with a text that is no JSON, in plain words.

The reader goes on behind what other languages write and JSON does not have, so that all of it is known, and whether
the text is sound but for that. No recursion; time grows with the length of the text alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from math import isinf

import orjson

from lintune_server.lint import json_dialects
from lintune_server.lint.fault import Fault, Mend, Sort
from lintune_server.lint.lines import BOM

DEEPEST = 254
"""Levels. orjson reads more, but does not write them; no sample needs a tenth of them."""
_MOST = 100_000
"""Faults of one text that are told apart: more would only cost memory."""
_MOST_TOKENS = 2_000_000
"""What is read token by token, in some seconds. Of more, only the place where orjson stops is told."""


@dataclass(frozen=True, slots=True)
class Faults:
    """In the order of the text. mendable: with every fault's text in its place, each line of the result is JSON."""

    found: tuple[Fault, ...]
    mendable: bool


def find(text: str) -> Faults:
    """Everything that keeps a text from being JSON, as far as it can be read; nothing when orjson accepts it."""
    reader = _Reader(text)
    read_whole = True
    try:
        reader.read()
    except _UnreadableError as stop:
        read_whole = False
        reader.found += [stop.fault] if stop.fault else []
    found = sorted([*_undecoded(text), *reader.found], key=lambda fault: fault.start)
    return Faults(tuple(found), read_whole and _is_json(_mended(text, found)))


def _mended(text: str, found: list[Fault]) -> str:
    parts, at = [], 1 if text.startswith(BOM) else 0
    for fault in found:
        start, end = fault.place
        if start >= at and fault.text is not None:
            parts += [text[at:start], fault.text]
            at = end
    return "".join([*parts, text[at:]])


def _is_json(text: str) -> bool:
    try:
        for line in text.split("\n"):
            if line.strip():
                orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


_UNDECODED = re.compile(
    "(\udced[\udca0-\udcaf][\udc80-\udcbf]\udced[\udcb0-\udcbf][\udc80-\udcbf])"
    "|(\udced[\udca0-\udcbf][\udc80-\udcbf]|[\ud800-\udbff\udc00-\udc7f])"
    "|(\udced|[\udc80-\udcec\udcee-\udcff]++)"
    "|\0++"
)


def _undecoded(text: str) -> list[Fault]:
    """Bytes that are no UTF-8, halves of surrogate pairs, NULs."""
    found: list[Fault] = []
    for match in _UNDECODED.finditer(text):
        start, end = match.span()
        if match.group(1):
            pair = match.group().encode("utf-8", "surrogateescape").decode("utf-8", "surrogatepass")
            char = pair.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
            fault = Fault(Sort.BYTES, start, end, "CESU-8", char, Mend.SAFE)
        elif match.group(2):
            fault = Fault(Sort.SURROGATE, start, end, "half of a surrogate pair stands here", "\ufffd", Mend.UNSAFE)
        elif match.group(3):
            fault = Fault(Sort.BYTES, start, end, "bytes that are no UTF-8", "\ufffd")
            if found and found[-1].end == start and found[-1].mend is Mend.NO:
                fault = Fault(Sort.BYTES, found.pop().start, end, fault.message, fault.text)
        else:
            fault = Fault(Sort.NUL, start, end, "NUL bytes", "", Mend.UNSAFE)
        if len(found) == _MOST:
            break
        found.append(fault)
    return found


class _UnreadableError(Exception):
    """What cannot be read past. fault: None when another one says it."""

    def __init__(self, fault: Fault | None) -> None:
        super().__init__()
        self.fault = fault


class _Expect(Enum):
    VALUE = auto()
    VALUE_OR_END = auto()
    KEY = auto()
    KEY_OR_END = auto()
    COLON = auto()
    COMMA_OR_END = auto()
    NOTHING = auto()


_SPACE = re.compile(r"[ \t\r\n]*+")
_OTHER_SPACE = frozenset("\0\v\f\x85\xa0\u1680\u2028\u2029\u202f\u205f\u2060\u3000\ufeff") | {
    chr(code) for code in range(0x2000, 0x200E)
}
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*+')
_ESCAPE = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})')
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_PAIR_ESCAPE = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_WORD = re.compile(r"[+-]?[\w.$][\w.+$-]*")
_COMMENT = re.compile(r"//[^\n]*+|#[^\n]*+|/\*(?s:.*?)\*/|/\*(?s:.*)")


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 1 if text.startswith(BOM) else 0
        self.found: list[Fault] = []
        self.open: list[str] = []
        self.expect = _Expect.VALUE
        self.comma = 0
        """Where the last one stands."""
        self.value_end = 0
        self.after_text = False
        """Whether what was read last is a string."""

    def read(self) -> None:
        """Raises _UnreadableError where the text cannot be read on."""
        text = self.text
        tokens = 0
        while True:
            self.at = _SPACE.match(text, self.at).end()  # type: ignore[union-attr]  # matches the empty string
            if self.at >= len(text):
                self._end()
                return
            char = text[self.at]
            if char in _OTHER_SPACE:
                self._other_space(char)
            elif char == "#" or text.startswith(("//", "/*"), self.at):
                self._comment()
            elif tokens == _MOST_TOKENS:
                raise _UnreadableError(_where_orjson_stops(text))
            else:
                self._token(char)
                tokens += 1

    def _token(self, char: str) -> None:
        after_text, self.after_text = self.after_text, False
        match self.expect:
            case _Expect.VALUE | _Expect.VALUE_OR_END:
                if char in "{[":
                    self._open(char)
                elif char == "]" and self.open and self.open[-1] == "[":
                    self._close(after_comma=self.expect is _Expect.VALUE)
                else:
                    self._scalar(char)
                    self._value_read()
            case _Expect.KEY | _Expect.KEY_OR_END:
                if char == "}":
                    self._close(after_comma=self.expect is _Expect.KEY)
                else:
                    self._key(char)
                    self.expect = _Expect.COLON
            case _Expect.COLON:
                if char != ":":
                    raise self._stop(f"expected a colon after the key, not {self._shown()}")
                self.at += 1
                self.expect = _Expect.VALUE
            case _Expect.COMMA_OR_END:
                if char == ",":
                    self.comma = self.at
                    self.at += 1
                    self.expect = _Expect.KEY if self.open[-1] == "{" else _Expect.VALUE
                elif char == _CLOSE[self.open[-1]]:
                    self._close()
                else:
                    raise self._missing_comma(char, after_text)
            case _Expect.NOTHING:
                self._after_end(char)

    def _open(self, char: str) -> None:
        if len(self.open) == DEEPEST:
            message = f"values are nested more than {DEEPEST} levels deep here, which programs refuse to read"
            raise _UnreadableError(Fault(Sort.TOO_MUCH, self.at, self.at + 1, message))
        self.open.append(char)
        self.at += 1
        self.expect = _Expect.KEY_OR_END if char == "{" else _Expect.VALUE_OR_END

    def _close(self, *, after_comma: bool = False) -> None:
        if after_comma:
            message = f"a trailing comma: no comma may stand before “{self.text[self.at]}”"
            self._add(Fault(Sort.TRAILING_COMMA, self.comma, self.comma + 1, message, "", Mend.SAFE))
        self.open.pop()
        self.at += 1
        self._value_read()

    def _value_read(self) -> None:
        self.value_end = self.at
        self.expect = _Expect.COMMA_OR_END if self.open else _Expect.NOTHING

    def _end(self) -> None:
        """Look at what is missing where the text ends."""
        if self.expect is _Expect.NOTHING:
            return
        if not self.open:  # nothing but white space, NULs, comments
            if self.found or "\0" in self.text:
                return
            raise _UnreadableError(Fault(Sort.UNFINISHED, 0, len(self.text), "expected a JSON object, found nothing"))
        if self.found and self.found[-1].sort is Sort.COMMENT:
            raise _UnreadableError(None)  # the rest may well be in the comment
        wanted = {
            _Expect.COLON: "a colon and a value",
            _Expect.VALUE: "a value",
            _Expect.KEY: "a key in double quotes",
        }
        missing = wanted.get(self.expect, f"“{_CLOSE[self.open[-1]]}”")
        what = "an object" if self.open[-1] == "{" else "a list"
        end = len(self.text.rstrip())
        raise _UnreadableError(Fault(Sort.UNFINISHED, end - 1, end, f"the line ends inside {what}: expected {missing}"))

    def _key(self, char: str) -> None:
        if char == '"':
            self._string()
        elif fault := json_dialects.quoted(self.text, self.at) or json_dialects.bare_key(self.text, self.at):
            self._past(fault)
        else:
            raise self._stop(f"expected a key in double quotes, not {self._shown()}")

    def _scalar(self, char: str) -> None:
        text, start = self.text, self.at
        if char == '"':
            self._string()
            self.after_text = True
            return
        number = _NUMBER.match(text, start)
        match = _WORD.match(text, start)
        word = match.group() if match else ""
        if number and number.group() == word:
            self.at = number.end()
            if isinf(float(word)):
                message = "this number is too large for any program to read"
                self._add(Fault(Sort.TOO_MUCH, start, self.at, message, "0"))
        elif word in ("true", "false", "null"):
            self.at += len(word)
        elif fault := json_dialects.quoted(text, start) or json_dialects.word(word, start):
            self._past(fault)
        elif word:
            raise self._stop(f"{_short(word)} is no JSON value: a text needs double quotes", len(word))
        else:
            raise self._stop(f"expected a value, not {self._shown()}")

    def _past(self, fault: Fault) -> None:
        self._add(fault)
        self.at = fault.end
        if self.text.startswith('"', self.at) and fault.sort is Sort.QUOTES:
            self._string()  # only what stands before it is wrong

    def _string(self) -> None:
        """Move past the string that begins here."""
        start, text = self.at, self.text
        at = start + 1
        while True:
            at = _PLAIN.match(text, at).end()  # type: ignore[union-attr]  # matches the empty string
            if at >= len(text):
                message = "this text never ends: a closing double quote is missing"
                raise _UnreadableError(Fault(Sort.SYNTAX, start, len(text), message))
            if text[at] == '"':
                self.at = at + 1
                return
            at = self._escape(at) if text[at] == "\\" else self._control(at)

    def _escape(self, at: int) -> int:
        """Look at the escape at a place; gives its end."""
        text = self.text
        if match := _ESCAPE.match(text, at):
            if not _SURROGATE_ESCAPE.match(text, at):
                return match.end()
            if pair := _PAIR_ESCAPE.match(text, at):
                return pair.end()
            message = f"{match.group()} is half of a surrogate pair"
            self._add(Fault(Sort.SURROGATE, at, match.end(), message, "\\ufffd", Mend.UNSAFE))
            return match.end()
        if fault := json_dialects.escape(text, at):
            self._add(fault)
            return fault.end
        end = at + 2
        if end > len(text):
            raise _UnreadableError(Fault(Sort.SYNTAX, at, at + 1, "the line ends behind a backslash"))
        shown = text[at:end] if text[end - 1].isprintable() else "A backslash here"
        message = f"{shown} is no escape that JSON knows: write a backslash as \\\\"
        if text[at + 1] == "u":
            message = "\\u needs four hexadecimal digits behind it: write a backslash as \\\\"
        # The character behind it is read again: it may be wrong in its own way.
        self._add(Fault(Sort.ESCAPE, at, end, message, "\\\\", Mend.UNSAFE, (at, at + 1)))
        return at + 1

    def _control(self, at: int) -> int:
        char = self.text[at]
        if char != "\0":  # which has a fault of its own
            name = {"\t": "tab", "\n": "line end", "\r": "carriage return"}.get(char, "control character")
            escape = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}.get(char, f"\\u{ord(char):04x}")
            message = f"a raw {name} inside a text: write it as {escape}"
            self._add(Fault(Sort.CONTROL, at, at + 1, message, escape, Mend.SAFE))
        return at + 1

    def _other_space(self, char: str) -> None:
        if char != "\0":
            message = f"the invisible character U+{ord(char):04X} stands between values, where JSON has only spaces"
            self._add(Fault(Sort.SPACE, self.at, self.at + 1, message, " ", Mend.SAFE))
        self.at += 1

    def _comment(self) -> None:
        end = _COMMENT.match(self.text, self.at).end()  # type: ignore[union-attr]  # asked only where one begins
        self._add(Fault(Sort.COMMENT, self.at, end, "JSON has no comments", "", Mend.UNSAFE))
        self.at = end

    def _after_end(self, char: str) -> None:
        """Look at what stands behind a whole value."""
        at = self.at
        if char == ",":
            at = _SPACE.match(self.text, at + 1).end()  # type: ignore[union-attr]  # matches the empty string
            if at == len(self.text):
                message = "a trailing comma: no comma may stand behind the object"
                self._add(Fault(Sort.TRAILING_COMMA, self.at, self.at + 1, message, "", Mend.SAFE))
                self.at = at
                return
        if self.text[at] in "{[":
            message = "another value begins here: write each sample on a line of its own"
            self._add(Fault(Sort.SEVERAL, at, at + 1, message, "\n", Mend.SAFE, (self.value_end, at)))
            self.at = at
            self._open(self.text[at])
            return
        raise self._stop(f"text after the end of the object: {self._shown()}", len(self.text.rstrip()) - self.at)

    def _missing_comma(self, char: str, after_text: bool) -> _UnreadableError:
        close = _CLOSE[self.open[-1]]
        if char in "]}":
            return self._stop(f"expected “{close}” here, not “{char}”")
        if after_text and (char.isalnum() or char == "\\"):
            return self._stop(f'the text ends before {self._shown()}: write a double quote inside a text as \\"')
        return self._stop(f"expected a comma or “{close}” after this value, not {self._shown()}")

    def _add(self, fault: Fault) -> None:
        if len(self.found) == _MOST:
            raise _UnreadableError(None)
        self.found.append(fault)

    def _shown(self) -> str:
        char = self.text[self.at]
        return f"“{char}”" if char.isprintable() else f"the invisible character U+{ord(char):04X}"

    def _stop(self, message: str, length: int = 1) -> _UnreadableError:
        char = self.text[self.at]
        if "\ud800" <= char <= "\udfff":
            return _UnreadableError(None)  # that it is no UTF-8 is said already
        if char == "'":
            message = "single quotes are not JSON: write texts in double quotes"
            return _UnreadableError(Fault(Sort.QUOTES, self.at, self.at + 1, message))
        if char in "“”„‟":
            message = "curly quotes are not JSON: write texts in straight double quotes"
            return _UnreadableError(Fault(Sort.CURLY_QUOTES, self.at, self.at + 1, message))
        return _UnreadableError(Fault(Sort.SYNTAX, self.at, min(self.at + length, len(self.text)), message))


def _where_orjson_stops(text: str) -> Fault | None:
    try:
        orjson.loads(text.removeprefix(BOM))
    except orjson.JSONDecodeError as error:
        at = min(error.pos + text.startswith(BOM), len(text) - 1)
        return Fault(Sort.SYNTAX, at, at + 1, "from here on, this is no JSON")
    return None


_CLOSE = {"{": "}", "[": "]"}


def _short(word: str) -> str:
    return word if len(word) <= 30 else f"{word[:29]}…"
