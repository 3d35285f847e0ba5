"""Positions against a slow, obvious reader, which goes through a text with Python's own parser of strings."""

from __future__ import annotations

import json
import struct
from json.decoder import scanstring
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintune_server.lint import json_source
from lintune_server.lint.json_source import Kind, StringOffsets

if TYPE_CHECKING:
    from lintune_server.lint.json_source import Node

DOCUMENTS = 25_000
CHARACTERS = 'ab"\\/{}[],: \n\t\x00\x7f\u00e9\u2019\u2028\ufeff\U0001f3e0\U0010ffff'
TEXT = st.text(st.sampled_from(CHARACTERS) | st.characters(exclude_categories=["Cs"]), max_size=6)
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


class Writer:
    """Writes random values as JSON, with white space wherever it may be and every way to write a character."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def document(self) -> tuple[Any, str]:
        value = self.value(depth=0)
        return value, f"{self.space()}{self.written(value)}{self.space()}"

    def value(self, depth: int) -> Any:
        kind = self.random.randrange(8 if depth < 4 else 5)
        if kind < 2:
            return self.text()
        if kind < 5:
            return self.random.choice([None, True, False, 0, -7, 2**53, 0.5, -1e-7, 1e300])
        size = self.random.randrange(4)
        if kind < 7:
            return {self.text(): self.value(depth + 1) for _ in range(size)}
        return [self.value(depth + 1) for _ in range(size)]

    def text(self) -> str:
        return "".join(self.random.choices(CHARACTERS, k=self.random.randrange(5)))

    def written(self, value: Any) -> str:
        if isinstance(value, str):
            return f'"{"".join(map(self.character, value))}"'
        if isinstance(value, list):
            return f"[{self.space()}{self.comma().join(map(self.written, value))}{self.space()}]"
        if isinstance(value, dict):
            members = [
                f"{self.written(key)}{self.space()}:{self.space()}{self.written(one)}" for key, one in value.items()
            ]
            return f"{{{self.space()}{self.comma().join(members)}{self.space()}}}"
        return json.dumps(value)

    def character(self, char: str) -> str:
        escaped = json.dumps(char)[1:-1]
        hexadecimal = "".join(f"\\u{unit:04{self.random.choice('xX')}}" for unit in units(char))
        raw = escaped if char in '"\\' or char < " " else char
        return self.random.choice([raw, raw, escaped, hexadecimal, "\\/" if char == "/" else raw])

    def space(self) -> str:
        return self.random.choice(["", "", " ", "\t \r\n"])

    def comma(self) -> str:
        return f"{self.space()},{self.space()}"


def units(char: str) -> tuple[int, ...]:
    return struct.unpack(f">{len(char.encode('utf-16-be')) // 2}H", char.encode("utf-16-be"))


class Place(NamedTuple):
    start: int
    end: int
    members: dict[str, tuple[tuple[int, int], Place]]
    elements: list[Place]


def obvious(text: str, at: int = 0) -> Place:
    """Where the value at a place stands, and all that is in it."""
    at = skip(text, at)
    if text[at] == "{":
        return obvious_object(text, at)
    if text[at] == "[":
        elements, end = [], skip(text, at + 1)
        while text[end] != "]":
            elements.append(obvious(text, end))
            end = skip(text, elements[-1].end)
            end = skip(text, end + 1) if text[end] == "," else end
        return Place(at, end + 1, {}, elements)
    _, end = json.JSONDecoder().raw_decode(text, at)
    return Place(at, end, {}, [])


def obvious_object(text: str, at: int) -> Place:
    members = {}
    end = skip(text, at + 1)
    while text[end] != "}":
        start = end
        key, end = scanstring(text, start + 1)
        colon = skip(text, end)
        assert text[colon] == ":"
        value = obvious(text, colon + 1)
        members[key] = ((start, end), value)
        end = skip(text, value.end)
        end = skip(text, end + 1) if text[end] == "," else end
    return Place(at, end + 1, members, [])


def skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def assert_same(node: Node, place: Place) -> None:
    assert (node.start, node.end) == (place.start, place.end)
    for key, (span, value) in place.members.items():
        assert node.key(key) == span
        assert_same(node.at((key,)), value)
    for index, element in enumerate(place.elements):
        assert_same(node.at((index,)), element)
    for absent in ("no such key", len(place.elements), -1):
        with pytest.raises(KeyError):
            node.at((absent,))


def test_every_value_stands_where_the_obvious_reader_finds_it():
    writer = Writer(seed=1)
    for _ in range(DOCUMENTS):
        value, text = writer.document()
        assert orjson.loads(text) == value
        assert_same(json_source.scan(text), obvious(text))


def test_offsets_of_characters_in_strings():
    writer = Writer(seed=2)
    for _ in range(5000):
        text = writer.text()
        literal = writer.written(text)
        offsets = StringOffsets(literal, 100)
        for index, char in enumerate(text):
            raw = literal[offsets.raw(index) - 100 : offsets.raw(index + 1) - 100]
            assert json.loads(f'"{raw}"') == char
        assert offsets.raw(len(text)) == 100 + len(literal) - 1
        assert json_source.decode(literal) == text


@given(st.lists(VALUES, min_size=1, max_size=4) | st.dictionaries(TEXT, VALUES, min_size=1, max_size=4))
def test_what_is_taken_out_with_its_comma_leaves_the_rest(value):
    text = Writer(seed=3).written(value)
    root = json_source.scan(text)
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        start, end = root.with_comma(key)
        rest = dict(value) if isinstance(value, dict) else list(value)
        del rest[key]
        assert json.loads(text[:start] + text[end:]) == rest


@given(VALUES, st.data())
def test_keys_that_are_there_twice(value, data):
    """Some keys of a document are written a second time in front of their object's others."""
    expected = []

    def write(inner: Any) -> str:
        if isinstance(inner, list):
            return f"[{','.join(map(write, inner))}]"
        if not isinstance(inner, dict):
            return json.dumps(inner)
        again = [key for key in inner if data.draw(st.booleans())]
        expected.extend(again)
        members = [f"{json.dumps(key)}:{write(data.draw(VALUES.filter(plain)))}" for key in again]
        members += [f"{json.dumps(key, ensure_ascii=False)} : {write(one)}" for key, one in inner.items()]
        return "{" + ",".join(members) + "}"

    text = write(value)
    found = list(json_source.repeated_keys(text))
    assert sorted(repeated.key for repeated in found) == sorted(expected)
    for repeated in found:
        assert repeated.first < repeated.again
        for start, end in (repeated.first, repeated.again):
            assert json.loads(text[start:end]) == repeated.key


def plain(value: Any) -> bool:
    return not isinstance(value, (dict, list))


def test_of_a_key_that_is_there_twice_the_last_counts():
    node = json_source.scan('{"a": 1, "b": 2, "a": [3]}')
    assert (node.key("a"), node.at(("a",)).kind, node.at(("a", 0)).start) == ((17, 20), Kind.ARRAY, 23)


def test_a_byte_order_mark_is_no_part_of_the_value():
    assert json_source.scan('\ufeff {"a": 1}').start == 2


def test_depth_costs_no_stack():
    text = "[" * 100_000 + "]" * 100_000
    assert json_source.scan(text).at((0, 0, 0)).end == 200_000 - 3


def test_many_escapes_in_one_string():
    text = '["' + "\\n\\u00e9" * 1_000_000 + '", 1]'
    assert json_source.scan(text).at((1,)).start == len(text) - 2
