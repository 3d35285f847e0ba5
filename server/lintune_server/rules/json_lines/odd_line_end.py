from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Change, Columns, LineEnd, Problem, Remedy
from lintune_server.lint.rule import line_rule, shape_rule
from lintune_server.rules.json_lines.line_ends import usual_end

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lintune_server.lint.sample import Line
    from lintune_server.lint.shape import Shape

_SEPARATORS = {"\u2028": "line separator", "\u2029": "paragraph separator", "\x85": "next line"}


@shape_rule("JL010", Severity.WARNING)
def odd_line_end(shape: Shape) -> Iterator[tuple[int, Problem]]:
    """
    ## What it does
    Reports what not every reader takes for a line end, or takes for one where none should be: carriage returns alone,
    both kinds of line ends in one file, and raw U+2028, U+2029 and U+0085 inside a line.

    ## Why it hurts
    Readers disagree on how many lines there are. Python's `splitlines` cuts a sample in two at U+2028; with a carriage
    return alone some programs read two samples as one. Both kinds of line ends in one file make every diff noisy.

    ## Example
    A file in which some lines end with a carriage return and a line feed (Windows), and others with a line feed alone.

    ## Use instead
    One kind of line ends. Inside of texts, escapes: `\\r`, `\\u2028`.

    ## Fix
    Gives all lines the end that most have, and writes what stands inside of texts as escapes. Safe.
    """
    cut = set(shape.cut_texts)
    for number in shape.cut_texts:
        changes = (Change(LineEnd(number), "\\r"),)
        message = "A raw carriage return inside a text ends the line here: write it as \\r."
        yield number, Problem(message, LineEnd(), Remedy("Write it as \\r", changes))
    usual = usual_end(shape)
    alone = [number for number in shape.carriage_returns["\r"] if number not in cut]
    if alone:
        message = f"{_these(alone)} with a carriage return alone, which many programs do not take for a line end."
        yield alone[0], Problem(message, LineEnd(), _all_end_with(usual, alone))
    if shape.ends["\n"] and shape.ends["\r\n"]:
        odd = _ending_with_line_feed(shape) if usual == "\r\n" else shape.carriage_returns["\r\n"]
        other = _NAMES["\n" if usual == "\r\n" else "\r\n"]
        message = f"{_these(odd)} with {other}, the others of the file with {_NAMES[usual]}."
        yield odd[0], Problem(message, LineEnd(), _all_end_with(usual, odd))


@line_rule("JL010", Severity.WARNING)
def separator_inside(line: Line) -> Iterator[Problem]:
    text = line.text
    if text.isascii() or line.error is not None or not any(char in text for char in _SEPARATORS):
        return
    places = [index for index, char in enumerate(text) if char in _SEPARATORS]
    char = text[places[0]]
    times = f" ({len(places):,} on this line)" if len(places) > 1 else ""
    name = f"U+{ord(char):04X} ({_SEPARATORS[char]})"
    changes = tuple(Change(Columns(at, at + 1), f"\\u{ord(text[at]):04x}") for at in places)
    yield Problem(
        f"A raw {name}, where some readers end the line{times}. Write it as an escape.",
        Columns(places[0], places[0] + 1),
        Remedy("Write it as an escape" if len(places) == 1 else "Write them as escapes", changes),
    )


_NAMES = {"\n": "LF", "\r\n": "CRLF"}


def _these(numbers: Sequence[int]) -> str:
    more = len(numbers) - 1
    return f"This line and {more:,} more end" if more else "This line ends"


def _ending_with_line_feed(shape: Shape) -> list[int]:
    others = {*shape.carriage_returns["\r\n"], *shape.carriage_returns["\r"]}
    return [number for number in range(shape.lines - 1) if number not in others]


def _all_end_with(end: str, numbers: Sequence[int]) -> Remedy:
    changes = tuple(Change(LineEnd(number), end) for number in numbers)
    return Remedy(f"End them with {_NAMES[end]}", changes)
