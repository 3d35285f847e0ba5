"""Curves in a terminal."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintune_schemas.loss_curve import Point
from lintune_server.cli.chart import Series, draw
from lintune_server.cli.terminal import Look, cells

FALLING = [Point(step, 10 / step) for step in range(1, 50)]


def chart(*series: Series, width: int = 80, coloured: bool = False, ascii_only: bool = False) -> list[str]:
    return list(draw(series, Look(width, coloured), ascii_only=ascii_only))


def test_a_falling_line_in_letters():
    points = [Point(step, 4.0 - step) for step in range(5)]
    lines = chart(Series(points, "", name="A"), width=20, ascii_only=True)
    rows = [line[8:] for line in lines[:-2]]
    columns = [row.index("A") for row in rows if "A" in row]
    assert columns == sorted(columns)
    assert rows[0].startswith("A")
    assert rows[-1].rstrip().endswith("A")


def test_nothing_gives_nothing():
    assert chart(Series([], "")) == []


@pytest.mark.parametrize("ascii_only", [False, True])
def test_ascii_is_ascii_and_braille_has_no_letters(ascii_only: bool):
    text = "".join(chart(Series(FALLING, ""), ascii_only=ascii_only))
    assert text.isascii() is ascii_only
    assert any(0x2800 < ord(char) < 0x2900 for char in text) is not ascii_only


def test_the_scale_has_round_numbers_at_even_distances():
    lines = chart(Series([Point(0, 0.83), Point(100, 4.6)], ""))
    labelled = [(number, float(line[:6])) for number, line in enumerate(lines) if line[:6].strip()]
    assert [loss for _, loss in labelled] == [5, 4, 3, 2, 1, 0]
    assert {after[0] - before[0] for before, after in pairwise(labelled)} == {2}


def test_names_stand_at_the_ends_of_lines_also_when_they_end_together():
    lines = chart(Series(FALLING, "", name="A"), Series(FALLING, "", name="B"))
    assert [line[-2:] for line in lines if line.endswith("AB")] == ["AB"]


def test_marks_stand_over_lines_and_a_level_goes_all_across():
    lines = chart(Series([Point(1, 10.0)], "", "-", level=True), Series(FALLING, ""), Series([Point(1, 10.0)], "", "o"))
    assert lines[0][8:].startswith("o")
    assert lines[0].count("-") > 60


def test_colours_are_painted_where_they_are_wanted():
    assert "\x1b[36m" in "".join(chart(Series(FALLING, "36"), coloured=True))
    assert "\x1b" not in "".join(chart(Series(FALLING, "36")))


LOSSES = st.floats(-1e12, 1e12, allow_subnormal=False)


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 10**6), LOSSES), max_size=40), max_size=4),
    st.integers(60, 120),
    st.booleans(),
)
def test_whatever_the_losses_it_keeps_its_width(curves: list[list[tuple[int, float]]], width: int, ascii_only: bool):
    series = [
        Series([Point(*point) for point in sorted(set(curve))], "", name="ABCD"[n]) for n, curve in enumerate(curves)
    ]
    for line in chart(*series, width=width, ascii_only=ascii_only):
        assert cells(line) <= width + len(series), line
