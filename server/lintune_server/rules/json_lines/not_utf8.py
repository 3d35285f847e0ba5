from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lintune_server.lint.fault import Mend, Sort
from lintune_server.lint.findings import Severity
from lintune_server.lint.lines import BOM, encoded
from lintune_server.lint.problems import Change, Columns, Problem, Remedy, WholeFile
from lintune_server.lint.rule import head_rule, line_rule, shape_rule
from lintune_server.rules.json_lines import encodings
from lintune_server.rules.json_lines.one_a_line import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.fault import Fault
    from lintune_server.lint.sample import Line
    from lintune_server.lint.shape import Head, Shape

_FEW = 3
"""Lines: with fewer, each is reported by itself."""
_SHARE = 100
"""One line of so many must be no UTF-8 for the file to be in another encoding."""
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_WORD_AROUND = re.compile(r"\w*[^\x00-\x7f][\w’]*")


@line_rule("JL006", Severity.ERROR)
def not_utf8(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports bytes that are no UTF-8, with the encoding that they are likely in, and NUL bytes; UTF-16 and other
    encodings for the file as a whole. A byte order mark (BOM) at the beginning of the file is a warning, one at the
    beginning of another line an error.

    ## Why it hurts
    JSON is UTF-8. Training tools stop at other bytes, or put U+FFFD in their place, and the model learns that.

    ## Example
    A file that a spreadsheet saved as Windows-1252, or PowerShell's `>` as UTF-16.

    ## Use instead
    The same file, saved as UTF-8 without BOM.

    ## Fix
    Converts UTF-16, UTF-32 and CESU-8, and removes BOMs: safe. Converts other encodings and removes NUL bytes: not
    safe, for the encoding is guessed.
    """
    if line.error is None:
        return
    bytes_ = [fault for fault in line.faults.found if fault.sort is Sort.BYTES]
    if bytes_:
        yield from _not_decoded(line, bytes_)
    nuls = [fault for fault in line.faults.found if fault.sort is Sort.NUL]
    if nuls:
        yield _nuls(line, nuls)


@head_rule("JL006", Severity.ERROR)
def other_encoding(head: Head) -> Iterator[Problem]:
    codec = encodings.wide(head.data)
    if codec is not None:
        message = f"This file is {encodings.NAMES[codec]}, and JSON Lines is UTF-8: save it as UTF-8."
        yield Problem(message, WholeFile(), _converted(head, codec, safe=True))
        return
    bad = _lines_of_another(head)
    codec = encodings.guess(b"\n".join(bad)) if bad else None
    if codec is not None:
        word = _WORD_AROUND.search(bad[0].decode(codec, "replace"))
        shown = f" (“{word.group()}”)" if word else ""
        number = head.data[: head.data.index(bad[0])].count(b"\n") + 1
        message = (
            f"This file is not UTF-8: it looks like {encodings.NAMES[codec]}, first on line {number:,}{shown}. "
            "Save it as UTF-8."
        )
        yield Problem(message, WholeFile(), _converted(head, codec, safe=False))


@shape_rule("JL006", Severity.ERROR)
def byte_order_mark(shape: Shape) -> Iterator[tuple[int, Problem]]:
    for number in shape.boms:
        message = "A byte order mark (BOM), which many programs refuse: save the file as UTF-8 without BOM."
        if number:
            message = "A byte order mark (BOM) inside the file, as where two files were put together: remove it."
        remedy = Remedy("Remove the byte order mark", (Change(Columns(0, 1), ""),))
        yield number, Problem(message, Columns(0, 1), remedy, None if number else Severity.WARNING)


def _not_decoded(line: Line, faults: list[Fault]) -> Iterator[Problem]:
    """One problem for each kind of bytes that are no UTF-8."""
    kinds: dict[str, list[tuple[Fault, str | None]]] = {}
    for fault in faults:
        kind, text = _kind(line, fault)
        kinds.setdefault(kind, []).append((fault, text))
    for kind, found in kinds.items():
        first, text = found[0]
        raw = _bytes(line, first)
        byte = len(encoded(line.text[: first.start])) + 1
        what = {
            "cesu-8": f"“{text}” is written as CESU-8, two halves of a pair by themselves. Write it as one character.",
            "western": f"In Windows-1252 it is “{text}”. Save the file as UTF-8.",
            "cut": "A character was cut in two here, as where a text is shortened by bytes. Write it whole, or not.",
            "unknown": "Save the file as UTF-8.",
        }[kind]
        times = f" ({len(found):,} such places on this line)" if len(found) > 1 else ""
        yield Problem(
            f"Not UTF-8: byte {byte:,} of this line is 0x{raw[0]:02X}{times}. {what}",
            Columns(first.start, first.end),
            _remedy(line, kind, found),
        )


def _kind(line: Line, fault: Fault) -> tuple[str, str | None]:
    if fault.mend is Mend.SAFE:
        return "cesu-8", fault.text
    raw = _bytes(line, fault)
    if encodings.is_cut(raw):
        return "cut", None
    text = encodings.western(raw)
    return ("western", text) if text else ("unknown", None)


def _remedy(line: Line, kind: str, found: list[tuple[Fault, str | None]]) -> Remedy | None:
    if not line.faults.mendable or kind not in ("cesu-8", "western"):
        return None
    changes = tuple(Change(Columns(fault.start, fault.end), text or "") for fault, text in found)
    if kind == "cesu-8":
        return Remedy("Write them as UTF-8", changes)
    return Remedy("Read the bytes as Windows-1252", changes, safe=False)


def _bytes(line: Line, fault: Fault) -> bytes:
    return encoded(line.text[fault.start : fault.end])


def _nuls(line: Line, faults: list[Fault]) -> Problem:
    count = sum(fault.end - fault.start for fault in faults)
    what = "A NUL byte" if count == 1 else f"{count:,} NUL bytes"
    why = "the file was damaged, as when the machine stopped while it was written"
    if count * 3 > len(line.text) and count == len(faults):
        why = "this part of the file is UTF-16, and the rest is not"
    remedy = None
    if line.faults.mendable:
        changes = tuple(Change(Columns(fault.start, fault.end), "") for fault in faults)
        remedy = Remedy("Remove the NUL bytes", changes, safe=False)
    return Problem(f"{what} on this line: {why}.", Columns(faults[0].start, faults[0].end), remedy)


def _lines_of_another(head: Head) -> list[bytes]:
    """The lines that are no UTF-8, when they are many and all others are ASCII."""
    if not _NOT_ASCII.search(head.data):
        return []
    lines = head.data.removeprefix(BOM.encode()).splitlines()
    if not head.whole:
        lines.pop()  # the last one may be cut
    odd = [line for line in lines if not line.isascii()]
    bad = [line for line in odd if not _is_utf8(line)]
    enough = len(bad) >= _FEW and len(bad) * _SHARE >= len(lines)
    return bad if enough and (len(odd) - len(bad)) * 50 <= len(bad) else []


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _converted(head: Head, codec: str, *, safe: bool) -> Remedy | None:
    """The whole file as UTF-8; None when it is too large, or not all of it is in that encoding."""
    if head.size > MOST_BYTES:
        return None
    try:
        text = head.read().decode(codec).removeprefix(BOM)
    except UnicodeDecodeError:
        return None
    if "\0" in text:
        return None
    return Remedy(f"Convert the file from {encodings.NAMES[codec]} to UTF-8", (Change(WholeFile(), text),), safe)
