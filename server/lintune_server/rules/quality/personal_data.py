from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import line_rule
from lintune_server.rules.quality import personal_shapes
from lintune_server.rules.quality.reading import everything
from lintune_server.rules.quality.secret import masked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lintune_server.lint.sample import Line

    _Kind = tuple[Callable[[str], Iterator[personal_shapes.Span]], str]
    """What finds spans, and what those are."""

_DIGITS_AS_ZEROS = bytes(0x30 if chr(byte).isdigit() else 0x2E for byte in range(128)) + b"." * 128
_BETWEEN_DIGITS = b" -.()"
_SHORTEST_NUMBER = b"0" * 10
_SHOWN = 20
"""In a text with many of a kind the first ones say it all."""

_NUMBERS = (
    (personal_shapes.phone_numbers, "a phone number"),
    (personal_shapes.card_numbers, "the number of a payment card"),
    (personal_shapes.ibans, "the number of a bank account (IBAN)"),
)


@line_rule("QL404", Severity.WARNING)
def personal_data(line: Line) -> Iterable[Problem]:
    data = line.compact
    kinds: list[_Kind] = [(personal_shapes.emails, "an e-mail address")] if b"@" in data else []
    # Every number that is looked for has ten digits in a row, but for what may stand between them.
    if _SHORTEST_NUMBER in data.translate(_DIGITS_AS_ZEROS, _BETWEEN_DIGITS):
        kinds += _NUMBERS
    return _found(line, kinds) if kinds else ()


def _found(line: Line, kinds: list[_Kind]) -> Iterator[Problem]:
    for path, text in everything(line):
        for search, what in kinds:
            for start, end in islice(search(text), _SHOWN):
                yield Problem(
                    f"“{masked(text[start:end])}” is {what}. Take it out, or write one that is nobody's.",
                    Value(path, start, end),
                )
