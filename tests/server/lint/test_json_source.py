"""The scanner against Python's own parser: it accepts the same texts, and knows where everything stands."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintune_server.lint import json_source
from lintune_server.lint.json_source import JsonSyntaxError, Node, StringOffsets

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
)


def spaced(value: Any, space: str, ascii_: bool) -> str:
    separators = (f"{space},{space}", f"{space}:{space}")
    return space + json.dumps(value, ensure_ascii=ascii_, separators=separators) + space


@given(VALUES, st.sampled_from(["", " ", "\t \n"]), st.booleans())
def test_every_value_stands_where_it_says(value, space, ascii_):
    text = spaced(value, space, ascii_)

    def compare(node: Node, expected: Any) -> None:
        assert json.loads(text[node.start : node.end]) == expected
        if isinstance(expected, dict):
            assert set(node.keys) == set(expected)
            for key, (start, end) in node.key_spans.items():
                assert json_source.decode(text[start:end]) == key
        for key, inner in expected.items() if isinstance(expected, dict) else ():
            compare(node.keys[key], inner)
        for index, inner in enumerate(expected) if isinstance(expected, list) else ():
            compare(node.keys[index], inner)

    compare(json_source.scan(text), value)


@given(TEXT, st.booleans())
def test_offsets_of_characters_in_strings(text, ascii_):
    literal = json.dumps(text, ensure_ascii=ascii_)
    offsets = StringOffsets(literal, 100)
    for index, char in enumerate(text):
        raw = literal[offsets.raw(index) - 100 : offsets.raw(index + 1) - 100]
        assert json.loads(f'"{raw}"') == char
    assert offsets.raw(len(text)) == 100 + len(literal) - 1


@given(VALUES, st.data())
def test_damaged_json_is_refused_at_a_place_in_the_text(value, data):
    text = json.dumps(value, ensure_ascii=False)
    at = data.draw(st.integers(0, len(text) - 1))
    damage = data.draw(st.sampled_from(["", "x", '"', "{", "]", ",", ":", "\\", "'", "\x00", "//"]))
    damaged = text[:at] + damage + text[at + 1 :]
    try:
        orjson.loads(damaged)
    except orjson.JSONDecodeError:
        with pytest.raises(JsonSyntaxError) as caught:
            json_source.scan(damaged)
        assert 0 <= caught.value.start <= caught.value.end <= len(damaged)
        assert caught.value.message
    else:
        json_source.scan(damaged)


def test_depth_costs_no_stack():
    text = "[" * 100_000 + "]" * 100_000
    assert json_source.scan(text).end == 200_000
