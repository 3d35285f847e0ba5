"""What is around a place on a line, against all values of the line and where they stand."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintune_server.language_server.datasets.selections import spans_at
from lintune_server.lint import json_source

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = st.text(st.sampled_from('ab"\\/{}[],: \n\u2028\U0001f3e0é'), max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)


def paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inside:
        yield from paths(child, (*path, key))


@given(VALUES, st.integers(0), st.booleans(), st.sampled_from([(", ", ": "), (",", ":"), (" ,\t", " :  ")]))
def test_every_value_that_is_there(value: Any, column: int, ascii_only: bool, separators: tuple[str, str]) -> None:
    line = f" {json.dumps(value, ensure_ascii=ascii_only, separators=separators)} "
    column = min(column, len(line))
    spans = spans_at(line, column)
    assert spans[0] == (0, len(line))
    assert all(outer[0] <= inner[0] and inner[1] <= outer[1] and outer != inner for outer, inner in pairwise(spans))
    assert all(start <= column <= end for start, end in spans)
    top = json_source.scan(line)
    places = ((node.start, node.end) for node in map(top.at, paths(value)))
    assert {(start, end) for start, end in places if start < column < end} <= set(spans)


@pytest.mark.parametrize(
    ("marked", "texts"),
    [
        ('{"a": "b|"}', ['{"a": "b"}', '"a": "b"', '"b"', "b"]),
        ('{"a|": "b"}', ['{"a": "b"}', '"a": "b"', '"a"', "a"]),
        ('{"a" |: "b"}', ['{"a" : "b"}', '"a" : "b"']),
        ('{"a": []|}', ['{"a": []}', '"a": []', "[]"]),
        ("{ | }", ["{  }"]),
        ("[1|, 2]", ["[1, 2]", "1"]),
        ("[1, |2]", ["[1, 2]", "2"]),
        ('{"a": "b\\"|', ['{"a": "b\\"', '"b\\"', 'b\\"']),
        ('{"a": "|', ['{"a": "', '"', ""]),
        ("|", [""]),
    ],
)
def test_places(marked: str, texts: list[str]) -> None:
    line = marked.replace("|", "")
    assert [line[start:end] for start, end in spans_at(line, marked.index("|"))] == texts
