"""JSON in answers: what counts as it, what is equal, what fits a schema."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintune_schemas.errors import LintuneError
from lintune_server.evaluation import json_answers
from lintune_server.evaluation.json_answers import is_equal, read

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    "text",
    [
        *("", "5", '"a"', "null", "Sure: {}", "{} {}", "```json\n{}\n```", '{"a": NaN}', "{'a': 1}", '{"a": 1'),
        "[" * 100_000,
        f'{{"a": {"1" * 5_000}}}',
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_json_answer(text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        ('{"a": 1, "b": [true]}', ' {"b":[true],"a":1.0}', True),
        ('{"a": 1}', '{"a": true}', False),
        ('{"a": 0}', '{"a": null}', False),
        ('{"a": 1.10}', '{"a": 1.1}', True),
        ('{"a": 0.1000000000000000055}', '{"a": 0.1}', False),
        ("[1, 2]", "[2, 1]", False),
        ("[]", "{}", False),
        ('{"a": "1"}', '{"a": 1}', False),
        ('{"a": 1e999999999}', '{"a": 1}', False),
    ],
)
def test_what_is_equal(a: str, b: str, equal: bool) -> None:
    assert is_equal(read(a), read(b)) is equal


def test_what_is_nested_too_deep_is_not_equal() -> None:
    deep = "[" * 600 + "]" * 600
    assert not is_equal(read(deep), read(deep)) or read(deep) is None


@given(VALUES)
def test_equal_whatever_way_it_is_written(value: object) -> None:
    compact, spread = json.dumps([value]), json.dumps([value], indent=3, sort_keys=True, ensure_ascii=False)
    assert is_equal(read(compact), read(spread))


@given(VALUES, VALUES)
def test_equality_is_that_of_sorted_json(a: object, b: object) -> None:
    """Where numbers are left aside, of which 1 and 1.0 are written differently."""
    texts = [json.dumps([value], sort_keys=True) for value in (a, b)]
    if texts[0] == texts[1]:
        assert is_equal([a], [b])
    elif not any(char.isdigit() for char in "".join(texts)):
        assert not is_equal([a], [b])


def schema(folder: Path, text: str) -> Path:
    path = folder / "lamp.schema.json"
    path.write_text(text)
    return path


def test_a_schema_says_what_fits(tmp_path: Path) -> None:
    fits = json_answers.fits(
        schema(tmp_path, '{"properties": {"level": {"type": "integer", "maximum": 100}}, "required": ["level"]}')
    )
    assert fits(read('{"level": 70}'))
    assert fits(read('{"level": 70.0}'))
    assert not fits(read('{"level": 100.5}'))
    assert not fits(read("{}"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is no JSON Schema that can be used"),
        ('{"type": "lamp"}', "is no JSON Schema that can be used"),
        ('{"$ref": "https://example.com/lamp.json"}', "is not in the file"),
        ('{"$ref": "file:///etc/passwd"}', "is not in the file"),
        ('{"$ref": "#/$defs/none"}', "is no JSON Schema that can be used"),
    ],
)
def test_what_is_no_schema(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(LintuneError, match=words):
        json_answers.fits(schema(tmp_path, text))


def test_a_schema_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LintuneError, match="could not be read: No such file"):
        json_answers.fits(tmp_path / "none.json")
    (tmp_path / "latin.json").write_bytes(b'{"title": "\xe9"}')
    with pytest.raises(LintuneError, match="no text in UTF-8"):
        json_answers.fits(tmp_path / "latin.json")
