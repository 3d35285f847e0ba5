"""Answers beside references, word by word."""

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lintune_server.language_server.sample_page import fence
from lintune_server.word_diff import MOST_WORDS, Kind, compare, cut, shown

words = st.text(st.sampled_from("ab ,.`-+~\n\r日é"), max_size=40)


def test_short_answers_stand_under_the_reference() -> None:
    assert shown("ON", "OFF") == "- ON\n+ OFF"
    assert shown('{"set":"on"}', '{"set":"off"}\n') == '- {"set":"on"}\n+ {"set":"off"}'
    assert shown("ON", " ON\n") is None


def test_long_ones_word_by_word() -> None:
    reference = (
        "The capital of France is Paris, which lies on the Seine in the very north of the country.\nIt is large."
    )
    answer = "The capital of France is Lyon, which lies on the Rhone in the very north of the country.\nIt is large."
    assert shown(reference, answer) == (
        "  The capital of France is\n- Paris\n+ Lyon\n  , which lies on the\n- Seine\n+ Rhone\n"
        "  in the very north of the country.\n  It is large."
    )


def test_what_is_the_same_for_long_is_shortened_towards_the_differences() -> None:
    same = "one two three four five six seven eight nine ten " * 8
    found = shown(f"{same}a {same}", f"{same}b {same}")
    assert found is not None
    before, *changed, after = found.split("\n")
    assert changed == ["- a", "+ b"]
    assert before.startswith("  … ")
    assert after.endswith(" …")
    assert max(map(len, (before, after))) < 100


def test_nothing_but_white_space_is_made_visible() -> None:
    long = "the same words again and again, for more than one line of a hover can show at once"
    assert shown(f"{long}\n{long}", f"{long}\n\n{long}") is not None
    assert shown("日本語の文を比べる。" * 9, "日本語の文を比べた。" * 9) is not None


def test_too_little_in_common() -> None:
    assert shown("alpha beta\n" * 5, "something else altogether\n" * 5) is None


@given(words, words)
def test_both_texts_are_all_there(reference: str, answer: str) -> None:
    parts = compare(reference, answer)
    assert "".join(part.text for part in parts if part.kind is not Kind.REFERENCE) == answer
    before = "".join(part.text for part in parts if part.kind is not Kind.ANSWER)
    assert re.sub(r"\s+", "", before) == re.sub(r"\s+", "", reference)
    kinds = [part.kind for part in parts]
    assert all(one is not other for one, other in pairwise(kinds))


@given(words, words)
def test_as_much_is_the_same_as_the_slow_way_finds(reference: str, answer: str) -> None:
    def keys(text: str) -> list[str]:
        return re.findall(r"[日]|[^\W日]+|[^\w\s]", text)

    def longest(one: list[str], other: list[str]) -> int:
        row = [0] * (len(other) + 1)
        for left in one:
            before = row
            row = [0]
            for index, right in enumerate(other):
                row.append(before[index] + 1 if left == right else max(before[index + 1], row[index]))
        return row[-1]

    flat, flat_answer = re.sub(r"\s+", " ", reference).strip(), re.sub(r"\s+", " ", answer).strip()
    both = "".join(part.text for part in compare(flat, flat_answer) if part.kind is Kind.BOTH)
    assert len(keys(both)) <= longest(keys(flat), keys(flat_answer))
    assert len(keys(both)) >= longest(keys(flat), keys(flat_answer)) or not keys(flat)


@given(words, words)
def test_every_line_of_the_block_is_marked_and_none_ends_it(reference: str, answer: str) -> None:
    block = shown(reference * 3, answer * 3)
    if block is None:
        return
    assert all(line[:1] in ("", " ", "-", "+") for line in re.split(r"\r\n|\r|\n", block))
    first, *inside, last = fence(block, "diff").split("\n")
    assert first == f"{last}diff"
    assert not any(last in line for line in inside)


def test_a_text_without_end_is_cut() -> None:
    long = "word " * 5_000
    assert len(cut(long)) == 5 * MOST_WORDS
    assert cut("short") == "short"
