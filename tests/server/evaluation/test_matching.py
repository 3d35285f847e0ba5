"""When two answers are the same: to the letter, and but for what two writers may do differently."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintune_server.evaluation.matching import is_exact, is_same, normalized


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Yes.", "yes"),
        ("  The answer:\n 42! ", "the answer 42"),
        ("“Straße”", "strasse"),
        ("ﬁne １２", "fine 12"),
        ("3.14 and 1,000", "3.14 and 1,000"),
        ("-5 – 3", "-5 3"),
        ("a-b snake_case don't", "a-b snake_case don't"),
        ("end-. (both)", "end both"),
        ("Да, конечно…", "да конечно"),
        ("你好，世界。", "你好 世界"),
        ("…", ""),
    ],
)
def test_what_is_left_of_a_text(text: str, expected: str) -> None:
    assert normalized(text) == expected


@pytest.mark.parametrize(
    ("answer", "reference", "exact", "same"),
    [
        ("Paris\n", "Paris", True, True),
        ("paris.", "Paris", False, True),
        ("5", "-5", False, False),
        ("314", "3.14", False, False),
        ("a + b", "a - b", False, False),
        ("!!!", "...", False, False),
        ("!!!", "!!!", True, True),
        ("", "", True, True),
        ("", "...", False, False),
    ],
)
def test_pairs(answer: str, reference: str, exact: bool, same: bool) -> None:
    assert is_exact(answer, reference) is exact
    assert is_same(answer, reference) is same


def test_in_json_punctuation_is_the_structure() -> None:
    assert is_same('{"a": 1}', '["a", 1]')
    assert not is_same('{"a": 1}', '["a", 1]', punctuation=True)
    assert is_same('{"A":  1}', '{"a": 1}', punctuation=True)


@given(st.text())
def test_normalizing_twice_changes_nothing(text: str) -> None:
    once = normalized(text, punctuation=True)
    assert normalized(once, punctuation=True) == once
    assert normalized(normalized(text)) == normalized(text)


@given(st.text(), st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_how_a_text_is_composed_does_not_matter(text: str, form: str) -> None:
    assert is_same(unicodedata.normalize(form, text), text, punctuation=True)


@given(st.text())
def test_a_text_is_itself(text: str) -> None:
    assert is_exact(text, text)
    assert is_same(text, text)
    assert is_same(f"\t{text} \n", text)
