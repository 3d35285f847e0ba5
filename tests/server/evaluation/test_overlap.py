"""ROUGE-L and chrF against the packages that people know them from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu import sentence_chrf

from lintune_server.evaluation.overlap import chrf, rouge_l

SCORER = RougeScorer(["rougeL"])
WORDS = st.lists(
    st.sampled_from(["the", "a", "cat", "Sat", "on", "under", "mat,", "3", "x_y", "it's"]), max_size=30
).map(" ".join)
LATIN = st.text(st.characters(max_codepoint=126, min_codepoint=32), max_size=60)


@given(WORDS | LATIN, WORDS | LATIN)
def test_rouge_l_is_that_of_rouge_score(answer: str, reference: str) -> None:
    expected = SCORER.score(reference, answer)["rougeL"].fmeasure
    both_empty = not any(char.isalnum() for char in answer + reference)
    assert rouge_l(answer, reference) == pytest.approx(1.0 if both_empty else expected)


@given(WORDS | st.text(max_size=60), WORDS | st.text(max_size=60))
def test_chrf_is_that_of_sacrebleu(answer: str, reference: str) -> None:
    expected = sentence_chrf(answer, [reference]).score / 100
    both_empty = not (answer + reference).split()
    assert chrf(answer, reference) == pytest.approx(1.0 if both_empty else expected)


def test_known_figures() -> None:
    """The first from Lin 2004, section 3.1: F1 of 3 of 4 words."""
    assert rouge_l("police kill the gunman", "police killed the gunman") == 0.75
    assert rouge_l("the gunman kill police", "police killed the gunman") == 0.5
    assert chrf("abc", "abc") == 1.0
    assert chrf("abc", "xyz") == 0.0


def test_words_of_scripts_without_spaces_are_characters() -> None:
    assert rouge_l("私は猫", "私は犬") == pytest.approx(2 / 3)
    assert rouge_l("Это кот", "Это пёс") == 0.5


def test_long_answers_take_no_square_of_time() -> None:
    """A table of 20,000 by 20,000 words would not fit in memory."""
    assert rouge_l("on off " * 10_000, "off on " * 10_000) == pytest.approx(1, abs=1e-3)
