"""What is wrong with a line: found exactly where orjson refuses it, and mended only where one thing can be meant."""

from __future__ import annotations

import ast
import json

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintune_server.lint import json_faults
from lintune_server.lint.fault import Mend, Sort
from lintune_server.lint.sample import Line, Surroundings
from lintune_server.rules import GATED_STAGES

pytestmark = pytest.mark.long

JSON_LINES = GATED_STAGES[0]

TEXT = st.text(st.sampled_from("ab'\"\\/\n\t\x00\x85é’🏠\u2028") | st.characters(exclude_categories=["Cs"]), max_size=5)
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
# What documents are damaged with.
WORDS = ["NaN", "None", "True", "1e999", "//", "/*", "*/", "u'", "\\u", "\\ud83d", "\udced\udca0\udcbd", ""]
PIECES = st.sampled_from([*"x\"'{}[],:\\#-+.0“”\0\t\xa0\ufeff\udc80\ud83d", *WORDS])


def is_json(text: str) -> bool:
    try:
        orjson.dumps(orjson.loads(text.removeprefix("\ufeff")))
    except (orjson.JSONDecodeError, TypeError):
        return False
    return True


def mended(text: str, mends: tuple[Mend, ...]) -> str:
    for fault in reversed(json_faults.find(text).found):
        if fault.mend in mends:
            start, end = fault.place
            text = text[:start] + fault.text + text[end:]
    return text


@settings(max_examples=500)
@given(VALUES, st.lists(st.tuples(st.integers(0, 200), st.integers(0, 2), PIECES), max_size=3))
def test_there_are_faults_where_orjson_refuses(value, damages):
    text = json.dumps(value, ensure_ascii=False)
    for at, gone, piece in damages:
        text = text[:at] + piece + text[at + gone :]
    faults = json_faults.find(text)
    assert bool(faults.found) != is_json(text)
    for fault in faults.found:
        assert 0 <= fault.start <= fault.end <= len(text)
        assert fault.message
    line = Line(text, Surroundings())
    assert (line.error is None) == is_json(text)
    if line.error is not None:
        assert [problem for rule in JSON_LINES for problem in rule.check(line)], "some rule says so"


@settings(max_examples=500)
@given(st.text(max_size=60) | st.lists(PIECES, max_size=20).map("".join))
def test_any_text_can_be_read(text):
    assert bool(json_faults.find(text).found) != is_json(text)


@settings(max_examples=500)
@given(VALUES)
def test_what_python_writes_is_mended_to_the_same_value(value):
    text = repr(value)
    assert all(fault.mend is Mend.SAFE for fault in json_faults.find(text).found)
    assert json.loads(mended(text, (Mend.SAFE,))) == ast.literal_eval(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "{'a': 'it\\'s \"quoted\" \\x41 \\u00e9 \\U0001f600 \\n \\t \\\\', 'b': [True, False, None]}",
        "{'a': 1, 'b': [1, 2, ], 'c': {}, }",
        """{"a": "it's", 'b': "x\\'y"}""",
        "{'a': 0x1F, 'b': .5, 'c': 5., 'd': +1, 'e': 1_000, 'f': -.5e3, 'g': -0xff}",
    ],
)
def test_python_literals_are_mended_as_python_reads_them(text):
    faults = json_faults.find(text)
    assert faults.mendable
    assert all(fault.mend is Mend.SAFE for fault in faults.found)
    assert json.loads(mended(text, (Mend.SAFE,))) == ast.literal_eval(text)


@pytest.mark.parametrize(
    "text",
    [
        "{'a': 'it's'}",
        '{"a": 1, // "b": 2}',
        "{'a': 'b' 'c'}",
        "{'a': ('b',)}",
        '{"a": "b", "c": "d"',
        "{'a': \"b}",
        '{"a": 1}{"b": }',
        "{'a': '\\ud83d'}",
    ],
)
def test_nothing_is_mended_where_the_line_would_be_no_json(text):
    assert not json_faults.find(text).mendable


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": 1e999}', '{"a": 007}', "{None: 1}", '{"a": undefined}'])
def test_what_cannot_be_known_has_no_fix(text):
    faults = json_faults.find(text)
    assert [fault.mend for fault in faults.found] == [Mend.NO]


@pytest.mark.parametrize("text", ['{"a": "\\q"}', '{"a": 1} // x', "{“a”: 1}", '{"a": "\\ud83d"}', "{'a': '\\q'}"])
def test_what_may_be_meant_otherwise_is_not_safe(text):
    assert Mend.UNSAFE in {fault.mend for fault in json_faults.find(text).found}


@given(
    st.lists(VALUES.filter(lambda value: isinstance(value, dict)), min_size=2, max_size=4),
    st.sampled_from(["", ",", " , "]),
)
def test_several_objects_are_put_on_lines_of_their_own(values, between):
    text = between.join(json.dumps(value) for value in values)
    faults = json_faults.find(text)
    assert {fault.sort for fault in faults.found} == {Sort.SEVERAL}
    assert [json.loads(line) for line in mended(text, (Mend.SAFE,)).split("\n")] == values


def test_half_a_pair_by_each_way_to_write_it():
    for text in ('"\\ud83d"', '"\\uDE00"', '"\ud83d"', '"\udced\udca0\udcbd"', '"\\ud83d\\u0041"', '"\\ude00\\ud83d"'):
        assert {fault.sort for fault in json_faults.find(text).found} == {Sort.SURROGATE}
    whole = json_faults.find('"\udced\udca0\udcbd\udced\udcb8\udc80"').found
    assert [(fault.sort, fault.text) for fault in whole] == [(Sort.BYTES, "😀")]


@pytest.mark.parametrize("bracket", ["[", '{"a":'])
def test_depth(bracket):
    close = "]" if bracket == "[" else "}"

    def nested(depth: int) -> str:
        return bracket * depth + "1" + close * depth

    assert is_json(nested(json_faults.DEEPEST))
    assert not is_json(nested(json_faults.DEEPEST + 1))
    assert json_faults.find(nested(json_faults.DEEPEST)).found == ()
    (fault,) = json_faults.find(nested(100_000)).found
    assert (fault.sort, fault.start) == (Sort.TOO_MUCH, len(bracket) * json_faults.DEEPEST)


@pytest.mark.parametrize("digits", ["1" * 10_000, "-" + "9" * 400, "1e400", "2" * 309 + ".5"])
def test_numbers_that_no_program_reads(digits):
    (fault,) = json_faults.find(f'{{"a": {digits}}}').found
    assert (fault.sort, fault.start, fault.end) == (Sort.TOO_MUCH, 6, 6 + len(digits))


@pytest.mark.parametrize(
    "text",
    [
        "[" + "NaN," * 300_000 + "1]",
        "[" + "'\\q'," * 300_000 + "1]",
        "{" * 1_000_000,
        '"' + "\\q" * 500_000,
        "/*" * 500_000,
        "'" * 1_000_000,
        "“" * 1_000_000,
        "u'" * 500_000,
        "\udced" * 1_000_000,
        "\0\udc80" * 500_000,
        "1" * 1_000_000,
        "a" * 1_000_000,
        "_" + "1_" * 500_000,
        " " * 1_000_000 + "x",
        "\xa0" * 1_000_000,
        '{"a":1}' * 150_000,
    ],
    ids=range(16),
)
def test_time_grows_with_the_length_alone(text):
    """Each takes a second or so; were the reader quadratic, hours."""
    assert json_faults.find(text).found


def test_of_very_many_values_the_place_is_told():
    (fault,) = json_faults.find("[" + "[]," * 1_000_000 + '"é" x]').found
    assert (fault.sort, fault.start) == (Sort.SYNTAX, 3_000_005)
