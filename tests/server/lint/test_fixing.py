from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lintune_server.lint import fixing
from lintune_server.lint.findings import Edit, Position, Range


def edit(start: int, end: int, text: str = "", line: int = 0) -> Edit:
    return Edit(Range(Position(line, start), Position(line, end)), text)


def test_of_two_fixes_that_touch_the_first_is_taken():
    assert fixing.independent([[edit(0, 3)], [edit(2, 5)], [edit(5, 6)]]) == [edit(0, 3), edit(5, 6)]
    assert fixing.independent([[edit(3, 3)], [edit(3, 3)]]) == [edit(3, 3)]


def test_a_fix_is_taken_whole_or_not_at_all():
    assert fixing.independent([[edit(0, 1)], [edit(0, 1), edit(8, 9)]]) == [edit(0, 1)]


@given(
    st.lists(st.text("ab é🏠\u2028", max_size=8), min_size=1, max_size=5),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.data(),
)
def test_apply_equals_replacing_by_hand(lines, end, data):
    text = end.join(lines)
    line = data.draw(st.integers(0, len(lines) - 1))
    first = data.draw(st.integers(0, len(lines[line])))
    last = data.draw(st.integers(first, len(lines[line])))
    before = len(end.join(lines[:line])) + (len(end) if line else 0)
    expected = text[: before + first] + "NEW" + text[before + last :]
    assert fixing.apply(text, [edit(first, last, "NEW", line)]) == expected
