"""The text layer: equal to doing every edit on one plain string, whatever characters are in it."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintune_server.language_server.documents import Document
from lintune_server.language_server.text import Encoding, Text, split

CHARACTERS = st.text(alphabet=st.sampled_from(["a", "é", "日", "😀", "\n", "\r", "\u2028", "\x0c", '"']))
PLACES = st.tuples(st.integers(-1, 12), st.integers(-1, 20))


def test_only_the_three_line_ends_of_lsp_split() -> None:
    assert split("a\u2028b\x0cc\x85d\ne\r\nf\rg") == ["a\u2028b\x0cc\x85d\n", "e\r\n", "f\r", "g"]
    assert split("a\n") == ["a\n", ""]
    assert split("") == [""]


@pytest.mark.parametrize(("encoding", "offset"), [(Encoding.UTF8, 9), (Encoding.UTF16, 5), (Encoding.UTF32, 4)])
def test_a_column_after_an_emoji(encoding: Encoding, offset: int) -> None:
    line = "x日😀y\n"
    assert encoding.units(line, 4) == offset
    assert encoding.column(line, offset) == 4
    assert encoding.column(line, 99) == 4, "an offset beyond the line is at its end"


@given(st.text(), st.sampled_from(Encoding))
def test_columns_and_offsets_are_inverse(line: str, encoding: Encoding) -> None:
    line = re.sub(r"[\r\n]", "", line)
    for column in range(len(line) + 1):
        assert encoding.column(line, encoding.units(line, column)) == column


@settings(max_examples=400)
@given(CHARACTERS, st.lists(st.tuples(PLACES, PLACES, CHARACTERS), max_size=8), st.sampled_from(Encoding))
def test_edits_equal_those_of_a_plain_string(
    start: str, edits: list[tuple[tuple[int, int], tuple[int, int], str]], encoding: Encoding
) -> None:
    text = Text(start)
    plain = start
    for first, last, new in edits:
        ends = sorted([_offset(plain, first, encoding), _offset(plain, last, encoding)])
        plain = plain[: ends[0]] + new + plain[ends[1] :]
        text.replace(first, last, new, encoding)
        assert str(text) == plain
        assert text.lines == split(plain)


STEPS = 100_000
PIECES = ["a", "é", "日", "😀", "\n", "\r", "\r\n", "\u2028", "\x0c", '"', "xy", "a\nb", "\n\n", "", "", ""]


def test_a_hundred_thousand_edits_in_a_row() -> None:
    """Text, lines, size and what each edit says of the lines, against one plain string that is edited slowly."""
    chosen = random.Random(7)
    text, plain, lines, encoding = Text(""), "", [""], Encoding.UTF16
    for step in range(STEPS):
        if step % 500 == 0:
            plain = "".join(chosen.choices(PIECES, k=40))
            text, lines, encoding = Text(plain), split(plain), chosen.choice(list(Encoding))
        first, last = ((chosen.randrange(-1, 9), chosen.randrange(-1, 9)) for _ in range(2))
        if chosen.random() < 0.7:
            last = (first[0], first[1] + chosen.randrange(3))  # as most edits are: within a line
        new = "".join(chosen.choices(PIECES, k=chosen.randrange(3) if len(plain) < 80 else 0))
        start, end = sorted([_offset(plain, first, encoding), _offset(plain, last, encoding)])
        plain = plain[:start] + new + plain[end:]
        change = text.replace(first, last, new, encoding)
        lines[change.first : change.first + change.removed] = change.lines
        assert text.lines == lines == split(plain)
        assert text.size == len(plain)


def _offset(text: str, place: tuple[int, int], encoding: Encoding) -> int:
    """The slow, obvious way: walk over the text character by character."""
    if place[0] < 0:
        return 0
    width = {
        Encoding.UTF8: lambda char: len(char.encode()),
        Encoding.UTF16: lambda char: 1 + (ord(char) > 0xFFFF),
        Encoding.UTF32: lambda char: 1,
    }[encoding]
    line = units = at = 0
    while at < len(text):
        char = text[at]
        if line == place[0] and (units >= place[1] or char in "\r\n"):
            return at
        if char == "\n" or (char == "\r" and text[at + 1 : at + 2] != "\n"):
            line, units = line + 1, 0
        elif char != "\r":
            units += width(char)
        at += 1
    return at


def test_what_an_edit_did_stays_as_it_was_when_others_follow() -> None:
    document = Document("file:///train.jsonl", "jsonl", 1, "a\n")
    whole, insertion = document.change(2, [(None, "b\nc\n"), (((0, 0), (0, 0)), "new\n")], Encoding.UTF16)
    assert list(whole.lines) == ["b\n", "c\n", ""]
    assert list(insertion.lines) == ["new\n", "b\n"]
