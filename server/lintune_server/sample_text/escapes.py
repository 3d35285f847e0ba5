"""Any text as lines of a Markdown document, and back.

Most texts stand there as they are. What no editor shows or keeps (a carriage return, NUL, half of a surrogate pair)
is written as `\\u{D}`. A line that would be taken for a heading of the document gets a backslash before it, as in
Markdown, and so does an empty line at the beginning or the end of a text: others there are no part of it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_UNSAFE = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff"
"""Line ends that are none of the document's, what marks a file as binary, what is no text, and what is not seen."""
_ESCAPED = re.compile(rf"[{_UNSAFE}]|\\(?=u\{{[0-9A-Fa-f]{{1,6}}\}})")
_IN_JSON = re.compile(rf"[{_UNSAFE}]")
_ESCAPE = re.compile(r"\\u\{([0-9A-Fa-f]{1,6})\}")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_SPACES = " \t"
_LAST_UNICODE = 0x10FFFF


def written(text: str, is_heading: Callable[[str], bool], *, guard_ends: bool = False) -> list[str]:
    """A text as lines. is_heading: whether a line would be taken for one of the document's headings.

    guard_ends: for an editor that takes spaces away at the ends of lines; the last one of each is written as an escape.
    """
    if not text:
        return []
    lines = [_ESCAPED.sub(_escape, line) for line in text.split("\n")]
    if guard_ends:
        lines = [_guarded(line) for line in lines]
    last = len(lines) - 1
    return [_protected(line, is_heading, at_edge=number in (0, last)) for number, line in enumerate(lines)]


def read(lines: Sequence[str], is_heading: Callable[[str], bool]) -> str:
    """The text that lines stand for; empty ones around it are no part of it."""
    first, last = edges(lines)
    text = "\n".join(_bare(line, is_heading) for line in lines[first:last])
    return _whole(_ESCAPE.sub(_unescape, text))


def edges(lines: Sequence[str]) -> tuple[int, int]:
    """Where among lines those of a text are: half-open."""
    filled = [number for number, line in enumerate(lines) if line.strip(_SPACES)]
    return (filled[0], filled[-1] + 1) if filled else (0, 0)


def safe_json(text: str) -> str:
    """JSON on one line with all that an editor would not keep as JSON's own escapes."""
    return _IN_JSON.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def column(text: str, index: int, line: str) -> int:
    """The column of character `index` of a text in the line that shows it, which may begin with a backslash more."""
    start = text.rfind("\n", 0, index) + 1
    shown = text[start:].partition("\n")[0]
    added = (len(line) - len(line.lstrip("\\"))) - (len(shown) - len(shown.lstrip("\\")))
    return max(added, 0) + len(_ESCAPED.sub(_escape, text[start:index]))


def _protected(line: str, is_heading: Callable[[str], bool], *, at_edge: bool) -> str:
    rest = line.lstrip("\\")
    is_empty = not rest.strip(_SPACES)
    ambiguous = (at_edge or len(rest) < len(line)) if is_empty else is_heading(rest)
    return f"\\{line}" if ambiguous else line


def _bare(line: str, is_heading: Callable[[str], bool]) -> str:
    rest = line.lstrip("\\")
    if len(rest) < len(line) and (not rest.strip(_SPACES) or is_heading(rest)):
        return line[1:]
    return line


def _guarded(line: str) -> str:
    return f"{line[:-1]}{_code(line[-1])}" if line.endswith((" ", "\t")) else line


def _escape(match: re.Match[str]) -> str:
    return _code(match.group())


def _code(char: str) -> str:
    return f"\\u{{{ord(char):X}}}"


def _unescape(match: re.Match[str]) -> str:
    number = int(match.group(1), 16)
    return chr(number) if number <= _LAST_UNICODE else match.group()


def _whole(text: str) -> str:
    """Two halves of a surrogate pair that meet are one character, as in JSON."""
    return _PAIR.sub(lambda pair: pair.group().encode("utf-16-le", "surrogatepass").decode("utf-16-le"), text)
