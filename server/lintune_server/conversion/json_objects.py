"""The objects of a JSON text of any size, as they are written: of one list, or one behind the other."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, TextIO

from lintune_schemas import layouts
from lintune_schemas.errors import LintuneError
from lintune_schemas.samples import OPENAI_MESSAGE, SHAREGPT_MESSAGE
from lintune_server.conversion.items import Item, Left, Taken
from lintune_server.lint import json_faults
from lintune_server.lint.fault import Sort
from lintune_server.lint.lines import BOM
from lintune_server.lint.pieces import LONGEST_LINE
from lintune_server.lint.words import json_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = 1 << 17
"""Characters that are read at once. Python counts the lines of all of them for every error that it raises."""
_HEAD = 1 << 20
"""Characters that are read at first, to see what encloses the samples."""
_NEAR_THE_END = 16
"""Characters before the end of what has been read within which a literal or an escape may be cut: `-Infinity` is 9."""
_EXPLAINED = 1 << 17
"""Characters of a broken sample that are looked at to say what is wrong with it."""

_SPACE = re.compile(r"[ \t\r\n]*+")
_BETWEEN = re.compile(r"[ \t\r\n,]*+")
_WRAPPED = re.compile(r'[ \t\r\n]*+\{[ \t\r\n]*+("(?:[^"\\]|\\.)*+")[ \t\r\n]*+:[ \t\r\n]*+\[[ \t\r\n]*+(?=\{)')
_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]')
_BRACKET_OUTSIDE = re.compile(r"[\[\]{]")
_NOTHING = re.compile(r"(?!)")
_BREAK_BEHIND_COMMA = re.compile(r",[\r\n][ \t\r\n]*+")
_BREAK = re.compile(r"[\r\n][ \t\r\n]*+")


def _refuse(name: str) -> None:
    raise ValueError(name)


# Values are looked at, never written: a float is enough for a number of any size.
_DECODER = json.JSONDecoder(parse_int=float, parse_float=float, parse_constant=_refuse)


def on_one_line(text: str) -> str:
    """A JSON value without its line breaks. JSON has none within strings, so those that there are mean nothing."""
    if "\n" not in text and "\r" not in text:
        return text
    return _BREAK.sub("", _BREAK_BEHIND_COMMA.sub(", ", text))


def read(stream: TextIO) -> Iterator[Item]:
    """Every object, and all else that is there. Raises LintuneError when the file is a list of messages."""
    return _Reader(stream).read()


class _Reader:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._text = ""
        """What has been read and is still needed; grows to one sample and a block."""
        self._at = 0
        self._line, self._column = 1, 1
        self._indent: str | None = ""
        """The white space before what stands at `_at`, when that begins its line."""
        self._ended = False
        self._in_list = False
        self._broken_at_end = False
        """Whether the end of the file was reached in search of a sample behind a broken one."""

    def read(self) -> Iterator[Item]:
        self._more(_HEAD)
        if self._text.startswith(BOM):
            self._at = 1
        wrapper = self._enter_wrapper()
        first = True
        while self._go_to_next():
            char = self._text[self._at]
            if char == "[" and not self._in_list:
                self._in_list = True
                self._advance(self._at + 1)
            elif char == "]" and self._in_list:
                self._in_list = False
                self._advance(self._at + 1)
                if wrapper is not None:
                    yield from self._leave_wrapper(wrapper)
                    return
            else:
                yield self._value(first)
                first = False
        if self._in_list and not self._broken_at_end:
            yield Left(self._place(), "the list is not closed: the file seems to be cut off here")

    def _value(self, first: bool) -> Item:
        """What stands here; goes behind it."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except RecursionError:
                return self._broken("it is nested too deeply")
            except ValueError as error:
                if self._may_be_cut(error) and self._more():
                    continue
                return self._broken(None)
            if end > len(self._text) - _NEAR_THE_END and isinstance(value, float) and self._more():
                continue
            break
        place, text = str(self._line), self._text[self._at : end]
        if not isinstance(value, dict):
            kind = f"the number {text}" if isinstance(value, float) else json_kind(value)
            item: Item = Left(self._place(), f"a sample is an object, and this is {kind}")
        else:
            if first and self._in_list:
                _refuse_messages(value)
            item = Taken(place, on_one_line(text))
        self._advance(end)
        return item

    def _may_be_cut(self, error: ValueError) -> bool:
        if not isinstance(error, json.JSONDecodeError):
            return False
        return error.pos >= len(self._text) - _NEAR_THE_END or error.msg.startswith("Unterminated")

    # What encloses all samples

    def _enter_wrapper(self) -> str | None:
        """Go into the list of a file that is one object around it, `{"data": [`. Returns its key."""
        match = _WRAPPED.match(self._text, self._at)
        if match is None:
            return None
        key = str(json.loads(match.group(1), strict=False))
        if layouts.detect({key: [{}]}) is not None:
            return None
        try:
            _, end = _DECODER.raw_decode(self._text, _SPACE.match(self._text, self._at).end())  # type: ignore[union-attr]
        except (ValueError, RecursionError):
            end = None
        if end is not None and self._text[end:].strip():
            return None  # one of several
        try:
            inner, _ = _DECODER.raw_decode(self._text, match.end())
        except (ValueError, RecursionError):
            return None
        if layouts.detect(inner) is None:
            return None
        self._in_list = True
        self._advance(match.end())
        return key

    def _leave_wrapper(self, key: str) -> Iterator[Item]:
        if not self._go_to_next():
            yield Left(self._place(), "the object around the list is not closed: the file seems to be cut off here")
            return
        if self._text[self._at] != "}":
            yield Left(self._place(), f"what stands beside the list “{key}” is no sample")
            return
        self._advance(self._at + 1)
        if self._go_to_next():
            yield Left(self._place(), "something follows the object with the list")

    # Broken samples

    def _broken(self, why: str | None) -> Left:
        """Go on with the next sample. why: what is wrong, when that is known."""
        while len(self._text) - self._at < _EXPLAINED and self._more():
            pass
        line, column, text, at = self._line, self._column, self._text, self._at
        length = self._skip()
        broken = text[at : at + min(length, _EXPLAINED)]
        if length > LONGEST_LINE:
            why = f"it is longer than {LONGEST_LINE >> 20} MB, which is no sample"
        if why is None:
            alone = broken.rstrip(" \t\r\n,]") if length <= _EXPLAINED else ""  # without the end of the list
            faults = json_faults.find(alone or broken).found
            known = bool(faults) and (length <= _EXPLAINED or faults[0].sort is not Sort.UNFINISHED)
            why = faults[0].message if known else "it is no JSON"
            line, column = _moved(line, column, broken[: faults[0].start if known else 0])
        if self._line > line + 1 and self._at < len(self._text):
            why += f" (the next sample is on line {self._line:,})"
        elif self._broken_at_end and self._line > line + 1:
            why += ", and no other sample was found behind it"
        return Left(f"{line}:{column}", why)

    def _skip(self) -> int:
        """Go to where the next sample seems to begin. Returns how many characters that is.

        In a file with one sample a line, or pretty-printed, that is the next line that begins as the broken one does.
        """
        start = self._at
        if self._text[start] not in "{[":
            return self._skip_to(_BRACKET_OUTSIDE, 1)
        if self._indent is not None:
            return self._skip_to(re.compile(rf"\n{self._indent}\{{"), len(self._indent) + 2)
        end = self._balanced()
        if end is None:
            return self._skip_to(_NOTHING, 1)
        self._advance(end)
        return end - start

    def _skip_to(self, beginning: re.Pattern[str], length: int) -> int:
        """Go to where a pattern matches, behind here, or to the end. length: what the pattern matches at most."""
        skipped, start = 0, self._at + 1
        while (found := beginning.search(self._text, start)) is None:
            to = max(self._at, len(self._text) - length)
            skipped += to - self._at
            self._advance(to)
            if not self._more():
                skipped += len(self._text) - self._at
                self._advance(len(self._text))
                self._broken_at_end = True
                return skipped
            start = self._at
        skipped += found.start() - self._at
        self._advance(found.start())
        return skipped

    def _balanced(self) -> int | None:
        """The end of a broken value by its brackets alone; None when they do not show it."""
        while True:
            end = self._closing_bracket()
            if end is not None:
                after = _SPACE.match(self._text, end).end()  # type: ignore[union-attr]  # matches the empty string
                if after < len(self._text) or not self._more():
                    return end if self._text[after : after + 1] in ("", ",", "]", "{") else None
            elif not self._more():
                return None

    def _closing_bracket(self) -> int | None:
        """Behind the bracket that closes the one here, as far as the text has been read."""
        depth = 0
        for match in _BRACKET.finditer(self._text, self._at):
            char = match.group()
            depth += (char in "[{") - (char in "]}")
            if depth == 0 and char in "]}":
                return match.end()
        return None

    # The text

    def _go_to_next(self) -> bool:
        """Go behind white space and commas. False at the end of the file."""
        while True:
            end = _BETWEEN.match(self._text, self._at).end()  # type: ignore[union-attr]  # matches the empty string
            between = self._text[self._at : end]
            newline = max(between.rfind("\n"), between.rfind("\r"))
            if newline >= 0:
                self._indent = between[newline + 1 :]
            elif between and self._indent is not None:
                self._indent += between
            self._advance(end, keep_indent=True)
            if end < len(self._text):
                return True
            if not self._more():
                return False

    def _advance(self, to: int, *, keep_indent: bool = False) -> None:
        if not keep_indent and to > self._at:
            self._indent = None
        lines = self._text.count("\n", self._at, to)
        if lines:
            self._line += lines
            self._column = to - self._text.rfind("\n", self._at, to)
        else:
            self._column += to - self._at
        self._at = to

    def _more(self, least: int = 0) -> bool:
        """Read on, which moves places in the text. False, and nothing moves, when there is nothing more, or what stands
        at `_at` is too long already."""
        held = len(self._text) - self._at
        if self._ended or held > LONGEST_LINE:
            return False
        block = self._stream.read(max(_BLOCK, held, least))
        if not block:
            self._ended = True
            return False
        self._text = self._text[self._at :] + block
        self._at = 0
        return True

    def _place(self) -> str:
        return f"{self._line}:{self._column}"


def _refuse_messages(first: dict[str, object]) -> None:
    if layouts.detect(first) is None and any(keys.role in first for keys in (OPENAI_MESSAGE, SHAREGPT_MESSAGE)):
        raise LintuneError(
            "A list in it holds messages, not samples: put each conversation under a key, as in {“messages”: […]}."
        )


def _moved(line: int, column: int, text: str) -> tuple[int, int]:
    """The place behind a text that begins at a place."""
    lines = text.count("\n")
    return line + lines, len(text) - text.rfind("\n") if lines else column + len(text)
