"""Numbers that are read and written again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintune_schemas import exact_json

NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)


@given(NUMBERS)
def test_a_number_stays_as_it_was_written(number: str):
    assert exact_json.dumps(exact_json.loads(f'{{"a":[{number}]}}')) == f'{{"a":[{number}]}}'


def test_more_digits_than_python_reads():
    number = "-" + "7" * 10_000
    assert exact_json.dumps(exact_json.loads(number)) == number


@given(st.text())
def test_texts_with_halves_of_surrogate_pairs(text: str):
    for value in (text, {"a": [text]}, [{"b": {"c": text}}]):
        written = json.dumps(value)
        assert json.loads(exact_json.dumps(exact_json.loads(written))) == json.loads(written)


def test_numbers_can_be_compared():
    assert exact_json.loads("0.0") == 0
    assert exact_json.loads("1") == 1


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "{", '{"a": 1} x', '[{"a": 1, "b": 2, "a": 1}]'])
def test_what_is_no_json(text: str):
    with pytest.raises(ValueError):
        exact_json.loads(text)


def test_a_key_that_is_no_text():
    with pytest.raises(ValueError, match="half of a surrogate pair"):
        exact_json.dumps({"\ud800": 1})
