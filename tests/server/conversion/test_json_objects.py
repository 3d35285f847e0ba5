"""Objects out of a JSON text of any size, against reading it as a whole."""

from __future__ import annotations

import io
import json
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintune_schemas.errors import LintuneError
from lintune_server.conversion import json_objects
from lintune_server.conversion.items import Left, Taken

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
SAMPLES = st.lists(st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=6), VALUES, max_size=4), max_size=6)


def items(text: str, block: int = 1 << 20) -> list[Taken | Left]:
    with patch.object(json_objects, "_BLOCK", block), patch.object(json_objects, "_HEAD", block):
        return list(json_objects.read(io.StringIO(text, newline="")))


def texts(text: str, block: int = 1 << 20) -> list[str]:
    found = items(text, block)
    assert all(isinstance(item, Taken) for item in found), found
    return [item.text for item in found]


def left(text: str) -> list[str]:
    return [f"{item.place}: {item.why}" for item in items(text) if isinstance(item, Left)]


@given(SAMPLES, st.sampled_from([None, 0, 2, "\t"]), st.booleans(), st.integers(1, 40))
def test_a_list_comes_out_as_it_went_in(samples: list[dict], indent: int | str | None, ascii_only: bool, block: int):
    text = json.dumps(samples, indent=indent, ensure_ascii=ascii_only)
    for ends in (text, text.replace("\n", "\r\n"), f"\ufeff{text}\n"):
        lines = texts(ends, block)
        assert [json.loads(line) for line in lines] == samples
        assert not any("\n" in line or "\r" in line for line in lines)


@given(SAMPLES, st.sampled_from([None, 2]), st.sampled_from(["", "\n", ",\n", "\n\n"]), st.integers(1, 40))
def test_objects_behind_each_other(samples: list[dict], indent: int | None, between: str, block: int):
    text = between.join(json.dumps(sample, indent=indent) for sample in samples)
    assert [json.loads(line) for line in texts(text, block)] == samples


@given(SAMPLES, st.sampled_from([None, 2]), st.integers(1, 40), st.data())
def test_of_a_text_that_is_cut_off_every_whole_object_is_taken(
    samples: list[dict], indent: int | None, block: int, data: st.DataObject
):
    text = json.dumps(samples, indent=indent)
    cut = text[: data.draw(st.integers(1, len(text) - 1))]
    found = items(cut, block)
    taken = [json.loads(item.text) for item in found if isinstance(item, Taken)]
    assert taken == samples[: len(taken)]
    assert sum(isinstance(item, Left) for item in found) == 1
    whole = sum(cut.startswith(json.dumps(samples[:count], indent=indent)[:-1].rstrip()) for count in range(1, 7))
    assert len(taken) >= min(whole, len(samples)) - 1


@given(SAMPLES.filter(bool), st.sampled_from([None, 2]), st.text('[]{}",:\\ \n1e-.x', max_size=3), st.data())
def test_a_broken_text_gives_the_same_however_it_is_read(
    samples: list[dict], indent: int | None, damage: str, data: st.DataObject
):
    text = json.dumps(samples, indent=indent)
    at = data.draw(st.integers(1, len(text)))
    broken = text[:at] + damage + text[at + data.draw(st.integers(0, 3)) :]
    assert items(broken, 1) == items(broken, 7) == items(broken)


def test_values_are_written_as_they_were():
    inner = '{"b": 1.50, "a": [2e3, -0, 12345678901234567890123.0100], "c": "\\u00e9\\/é\\ud800", "b": 1E400}'
    assert texts(f"[{inner},\n {inner}]") == [inner, inner]
    assert texts('[{\n  "a": [\n    1.50,\n    "x,\\n  y"\n  ]\n}]') == ['{"a": [1.50, "x,\\n  y"]}']


def test_a_number_of_more_digits_than_python_reads():
    number = "7" * 10_000
    assert texts(f'[{{"a": {number}}}]') == [f'{{"a": {number}}}']


def test_the_list_in_an_object_around_it():
    inner = '{"prompt": "a", "completion": "b"}'
    assert texts(f'{{"data": [{inner}, {inner}]}}') == [inner, inner]
    assert left(f'{{"data": [{inner}], "version": 1}}') == [
        "1:48: what stands beside the list “data” is no sample",
    ]
    assert left(f'{{"data": [{inner}]') == [
        "1:46: the object around the list is not closed: the file seems to be cut off here"
    ]


@pytest.mark.parametrize(
    "sample",
    [
        '{"messages": [{"role": "user", "content": "a"}]}',
        '{"prompt": [{"role": "user", "content": "a"}], "completion": []}',
        '{"data": [{"x": 1}]}',
    ],
)
def test_an_object_with_a_list_is_a_sample_itself(sample: str):
    assert texts(sample) == [sample]
    assert texts(f"{sample}\n{sample}") == [sample, sample]


def test_a_broken_sample_is_named_and_the_next_ones_are_taken():
    text = '[\n  {"a": 1},\n  {"a": tru},\n  {"a": 2},\n  5,\n  {"a": 3}\n]'
    assert [item.text for item in items(text) if isinstance(item, Taken)] == ['{"a": 1}', '{"a": 2}', '{"a": 3}']
    assert left(text) == [
        "3:9: tru is no JSON value: a text needs double quotes",
        "5:3: a sample is an object, and this is the number 5",
    ]


@pytest.mark.parametrize(
    ("text", "taken", "place"),
    [
        ('{"a": 1}\n{"a": "x}\n{"a": 3}\n', 2, "2:7"),
        ('[{"a": 1}, {"a": tru}, {"a": 3}]', 2, "1:18"),
        ('[{"a": 1}, x, {"a": 3}]', 2, "1:12"),
        ('[{"a": 1}, {"a": NaN}]', 1, "1:18"),
        ('[{"a": 1}] more', 1, "1:12"),
        ('[{"a": 1}', 1, "1:10"),
        ('{\n  "a": 1,\n  "b" 2\n}\n{\n  "a": 2\n}\n', 1, "3:7"),
    ],
)
def test_where_it_is_broken(text: str, taken: int, place: str):
    found = items(text)
    assert sum(isinstance(item, Taken) for item in found) == taken
    assert [item.place for item in found if isinstance(item, Left)] == [place]


def test_depth_without_end_is_no_sample():
    text = f'[\n{{"a": {"[" * 100_000}{"]" * 100_000}}},\n{{"a": 1}}\n]'
    assert [item.place if isinstance(item, Left) else item.text for item in items(text)] == ["2:1", '{"a": 1}']


def test_a_sample_that_is_too_long_is_not_held():
    with patch.object(json_objects, "LONGEST_LINE", 1000):
        found = items(f'{{"a": "{"x" * 5000}"}}\n{{"a": 1}}\n', 100)
    assert [type(item) for item in found] == [Left, Taken]
    assert "which is no sample" in found[0].why


def test_a_conversation_without_a_key_is_refused():
    with pytest.raises(LintuneError, match="holds messages, not samples"):
        items('[{"role": "user", "content": "a"}]')
