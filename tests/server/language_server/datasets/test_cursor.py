"""Where the cursor is: in good JSON against a JSON parser, and in what is half written against what it means."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintune_server.language_server.datasets import cursor as cursors

if TYPE_CHECKING:
    from lintune_server.language_server.datasets.cursor import Cursor

MARK = "cursor\U0001f3e0here"
TEXT = st.text(st.sampled_from('ab"\\/{}[],: \n\u2028\U0001f3e0é'), max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT.filter(bool), inner, max_size=3),
    max_leaves=12,
)


def find(marked: str) -> Cursor:
    return cursors.find(marked.replace("|", "", 1), marked.index("|"))


def paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Of every value in a value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, child in inside for found in paths(child, (*path, key)))]


def without(value: Any, path: tuple[str | int, ...]) -> Any:
    """A copy without what stands at the path."""
    if not path:
        return None
    copy: Any = json.loads(json.dumps(value))
    parent = copy
    for key in path[:-1]:
        parent = parent[key]
    del parent[path[-1]]
    return copy


@given(VALUES, st.integers(0), st.booleans(), st.sampled_from([(", ", ": "), (",", ":"), (" ,\t", " :  ")]))
def test_in_good_json(value: Any, seed: int, ascii_only: bool, separators: tuple[str, str]) -> None:
    path = Random(seed).choice(paths(value))
    marked = value
    if path:
        marked = json.loads(json.dumps(value))
        parent = marked
        for key in path[:-1]:
            parent = parent[key]
        parent[path[-1]] = MARK
    else:
        marked = MARK
    line = json.dumps(marked, ensure_ascii=ascii_only, separators=separators)
    written = json.dumps(MARK, ensure_ascii=ascii_only)
    start = line.index(written)
    found = cursors.find(line, start + len(written) - len("here") - 1)
    assert (found.path, found.is_key, found.typed, found.quoted) == (path, False, "cursor\U0001f3e0", True)
    assert (found.start, found.end) == (start, start + len(written))
    assert found.sample == without(value, path)


@given(VALUES, st.integers(0), st.data())
def test_never_fails(value: Any, column: int, data: st.DataObject) -> None:
    """However much is missing of a line."""
    line = json.dumps(value, ensure_ascii=data.draw(st.booleans()))
    start = data.draw(st.integers(0, len(line)))
    line = line[:start] + data.draw(TEXT) + line[data.draw(st.integers(start, len(line))) :]
    found = cursors.find(line, min(column, len(line)))
    assert 0 <= found.start <= found.end <= len(line)
    orjson.dumps(found.sample)


@pytest.mark.parametrize(
    ("marked", "path", "is_key", "typed"),
    [
        ("|", (), False, ""),
        ("{|", (), True, ""),
        ("\ufeff{|}", (), True, ""),
        ('{"a|', (), True, "a"),
        ("{a|", (), True, "a"),
        ('{"a": |', ("a",), False, ""),
        ('{"a": tr|ue}', ("a",), False, "tr"),
        ('{"a": [1, |', ("a", 1), False, ""),
        ('{"a": [1, "x|"]}', ("a", 1), False, "x"),
        ('{"a": [{"b": 1}, {"c": {"|', ("a", 1, "c"), True, ""),
        ('{"a": 1,, "b": |}', ("b",), False, ""),
        ('{"a": 1 "b": |}', ("b",), False, ""),
        ('{"a" "b|', ("a",), False, "b"),
        ('{"a": {"b": 1]}, "c": |', ("c",), False, ""),
        ('{"a": "x|, "b": "y"}', ("a",), False, "x"),
        ('{"a": "\\"\\\\|', ("a",), False, '"\\'),
    ],
)
def test_in_half_written_json(marked: str, path: tuple[str | int, ...], is_key: bool, typed: str) -> None:
    found = find(marked)
    assert (found.path, found.is_key, found.typed) == (path, is_key, typed)


def test_what_is_around_and_what_follows() -> None:
    found = find('{"a": {"b": "\\u00e9", "c|": 1, "d": [2]}, "e": tru')
    assert found.around == {"b": "é", "": 1, "d": [2]}
    assert found.sample == {"a": found.around, "e": None}
    assert found.follows == ":"
    assert find('{|"a": 1}').comma == ", "
    assert find('{"a": 1, |}').comma == ""
    assert find('["a" |, 2]').lacks_mark
    assert find('{"a" |: 2}').lacks_mark
    assert not find('["a", |]').lacks_mark


def test_a_long_line_takes_no_long_time() -> None:
    line = '{"a": ' + "[" * 100_000 + '"\\"' * 100_000
    assert cursors.find(line, len(line)).path[0] == "a"
    for line in ("[" * 100_000 + "}" * 100_000, "[{" * 50_000 + "]" * 100_000, '"\\' * 100_000, "\\" * 100_000):
        cursors.find(line, len(line) // 2)
