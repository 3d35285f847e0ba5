"""The text layer: equal to doing every edit on one plain string, whatever characters are in it."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
