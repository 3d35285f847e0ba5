from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Change, Problem, Remedy, Value
from lintune_server.lint.rule import line_rule
from lintune_server.rules.quality.reading import everything

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lintune_schemas.samples import Path
    from lintune_server.lint.sample import Line

    _Changed = tuple[tuple[int, int], str, str]
    """A span, what stands there, and what is to stand there."""

_NON_ASCII = re.compile(r"[^\x00-\x7f]+")
# What ftfy repairs has one of these in its UTF-8 bytes. They tell French or Chinese from mojibake in a microsecond,
# which ftfy's own test takes a hundred for.
_CONTROL = re.compile(rb"\xc2[\x80-\x9f]")
_READ_AS_LATIN = re.compile(rb"\xc3(?:[\x82-\xb4](?:[\xc2\xc4-\xc6\xcb]|\xe2[\x80\x82\x84])|[\x82\x83] )")
_READ_AS_BALTIC_OR_CENTRAL_EUROPEAN = re.compile(rb"[\xc4\xc5][\x80-\xbf](?:\xc2[\x80-\xbf]|\xe2[\x80\x82\x84])")
_READ_OTHERWISE = tuple(
    pair.encode() for pair in ("вЂ", "‚Ä", "β€", "√©", "√†", "√±", "√≥", "Р°", "Рµ", "Рё", "Рѕ", "СЃ", "С‚", "Ξ±", "Ο„")
)
_LOST = "\ufffd"
_CONTROLS = re.compile(r"[\x80-\x9f]")
_ABOUT_ENCODINGS = re.compile(b"mojibake|fffd|replacement character", re.IGNORECASE)


@line_rule("QL401", Severity.WARNING)
def mojibake(line: Line) -> Iterable[Problem]:
    """
    ## What it does
    Reports text that was read in the wrong encoding, like `â€™` for `’` or `Ã©` for `é`, and U+FFFD, which stands where
    a character could not be read at all. It is [ftfy](https://ftfy.readthedocs.io) that decides, with rules that
    hardly ever take real text for mojibake. Samples that speak of mojibake or of U+FFFD are left alone.

    ## Why it hurts
    The model learns to write it. A few hundred `â€™` are enough for a small model to put them where apostrophes belong.

    ## Example
    ```json
    {"prompt": "Is it far?", "completion": "Donâ€™t worry, the cafÃ© is near."}
    ```

    ## Use instead
    ```json
    {"prompt": "Is it far?", "completion": "Don’t worry, the café is near."}
    ```

    ## Fix
    Writes what was meant, and changes nothing else: safe. Not safe where a space has to be guessed back. U+FFFD has
    none: what stood there is lost.
    """
    return () if line.compact.isascii() else _found(line)


def _found(line: Line) -> Iterator[Problem]:
    lost = b"\xef\xbf\xbd" in line.compact
    suspicious = _may_be_mojibake(line.compact)
    if not (lost or suspicious) or _ABOUT_ENCODINGS.search(line.compact):
        return
    for path, text in everything(line):
        if text.isascii():
            continue
        if suspicious:
            yield from _repaired(path, text, ascii_only=line.text.isascii())
        if lost and _LOST in text:
            at = text.index(_LOST)
            end = len(text) - len(text[at:].lstrip(_LOST))
            yield Problem(
                "U+FFFD stands here for what could not be read. Take the text from its source again."
                f"{_more(text.count(_LOST) - (end - at))}",
                Value(path, at, end),
            )


def _may_be_mojibake(data: bytes) -> bool:
    return (
        (b"\xc3" in data and _READ_AS_LATIN.search(data) is not None)
        or (b"\xc2" in data and _CONTROL.search(data) is not None)
        or ((b"\xc4" in data or b"\xc5" in data) and _READ_AS_BALTIC_OR_CENTRAL_EUROPEAN.search(data) is not None)
        or any(pair in data for pair in _READ_OTHERWISE)
    )


def _repaired(path: Path, text: str, *, ascii_only: bool) -> Iterator[Problem]:
    from ftfy import apply_plan, fix_encoding_and_explain

    repaired, plan = fix_encoding_and_explain(text)
    if repaired == text or not plan or _LOST in repaired or _CONTROLS.search(repaired):
        return  # a guess, or U+FFFD is among it, which has a finding of its own
    steps = [(step.action, step.parameter) for step in plan]
    changed = _run_by_run(text, lambda run: apply_plan(run, steps))
    if _replaced(text, changed) != repaired:
        changed = [_differing(text, repaired)]
    (start, end), old, new = changed[0]
    remedy = Remedy(
        "Repair the encoding",
        tuple(Change(Value(path, *span), json.dumps(to, ensure_ascii=ascii_only)[1:-1]) for span, _, to in changed),
        safe=all(step.parameter != "restore_byte_a0" for step in plan),
    )
    yield Problem(
        f"“{_visible(old)}” was “{_visible(new)}” before it was read in the wrong encoding.{_more(len(changed) - 1)}",
        Value(path, start, end),
        remedy,
    )


def _run_by_run(text: str, repair: Callable[[str], str]) -> list[_Changed]:
    """What changes when each run of characters that are not ASCII, which all encodings leave alone, is repaired."""
    found = []
    for match in _NON_ASCII.finditer(text):
        try:
            new = repair(f"a{match.group()}a")[1:-1]  # ftfy looks for what is wrong within a text
        except UnicodeError:  # a repair that takes a space as well
            return []
        if new != match.group():
            found.append((match.span(), match.group(), new))
    return found


def _replaced(text: str, changes: list[_Changed]) -> str:
    pieces, at = [], 0
    for (start, end), _, new in changes:
        pieces += [text[at:start], new]
        at = end
    return "".join([*pieces, text[at:]])


def _differing(text: str, repaired: str) -> _Changed:
    """The one span outside of which both are the same."""
    start = 0
    while start < min(len(text), len(repaired)) and text[start] == repaired[start]:
        start += 1
    tail = 0
    while tail < min(len(text), len(repaired)) - start and text[-1 - tail] == repaired[-1 - tail]:
        tail += 1
    return (start, len(text) - tail), text[start : len(text) - tail], repaired[start : len(repaired) - tail]


def _visible(text: str) -> str:
    shown = "".join(char if char.isprintable() else f"U+{ord(char):04X}" for char in text[:24])
    return shown if len(text) <= 24 else f"{shown}…"


def _more(count: int) -> str:
    if count == 0:
        return ""
    return " There is one more in this text." if count == 1 else f" There are {count} more in this text."
