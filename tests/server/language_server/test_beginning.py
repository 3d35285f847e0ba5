"""Answers that are being written: what the model is asked to go on with, and how its words stand in JSON."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintune_server.language_server.datasets import beginning
from lintune_server.language_server.datasets.beginning import Beginning
from lintune_server.language_server.datasets.reader import Reader
from lintune_server.lint.context import Context

CHAT = '{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "HERE"}]}'


def find(line: str, head: str = "") -> Beginning | None:
    """The cursor stands at `|`."""
    column = line.index("|")
    return beginning.find(Reader(Path("a.jsonl"), Context(), [head] if head else []), line.replace("|", "", 1), column)


def asked(line: str, head: str = "") -> tuple[list[str], str] | None:
    """The texts before the answer, and what is there of it."""
    found = find(line, head)
    return ([turn.content for turn in found.before.turns], found.typed) if found else None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (CHAT.replace("HERE", "The cap|"), (["Hi"], "The cap")),
        (CHAT.replace("HERE", "|"), (["Hi"], "")),
        (CHAT.replace('HERE"}]}', "The cap|"), (["Hi"], "The cap")),
        (CHAT.replace("HERE", 'a \\"b\\" \\n\\u00e9|'), (["Hi"], 'a "b" \né')),
        ('{"messages": [{"role": "user", "content": "Hi"}, {"content": "x|", "role": "assistant"}]}', (["Hi"], "x")),
        (CHAT.replace("HERE", "one|").replace("}]}", '}, {"role": "user", "content": "and"}]}'), (["Hi"], "one")),
        ('{"instruction": "Add", "input": "1 1", "output": "tw|"}', (["Add\n\n1 1"], "tw")),
        ('{"prompt": "Add", "completion": "tw|"}', (["Add"], "tw")),
        ('{"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "x|"}]}', (["Hi"], "x")),
    ],
)
def test_what_is_there_of_the_answer_and_before_it(line: str, expected: tuple[list[str], str]) -> None:
    assert asked(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        CHAT.replace("HERE", "The |cap"),  # in the middle
        CHAT.replace('"Hi"', '"Hi|"'),  # the user's
        CHAT.replace("HERE", "x\\|"),  # half an escape
        CHAT.replace("HERE", "x\\u00|"),
        CHAT.replace('"content": "HERE"', '"content|": "HERE"'),
        CHAT.replace('"HERE"', '"HERE"|'),
        CHAT.replace('"assistant"', '"assistant|"'),
        CHAT.replace("HERE", "x|").replace("assistant", "assistent"),
        '{"messages": [{"role": "user"}, {"role": "assistant", "content": "x|"}]}',  # no conversation before it
        '{"messages": "x|"}',
        "|",
        "{|}",
        '"a|"',
    ],
)
def test_where_nothing_is_asked(line: str) -> None:
    assert find(line) is None


def test_a_backslash_that_is_whole_is_no_half_escape() -> None:
    assert asked(CHAT.replace("HERE", "C:\\\\|")) == (["Hi"], "C:\\")


@given(st.text(max_size=20), st.text(max_size=20), st.booleans())
def test_the_line_is_the_sample_with_the_text_behind_what_was_typed(typed: str, text: str, as_ascii: bool) -> None:
    written = json.dumps(typed, ensure_ascii=as_ascii)[1:-1]
    line = CHAT.replace("HERE", f"{written}|")
    found = find(line) if "|" not in written else None
    if found is None:
        return
    assert found.typed == typed
    inserted = found.written(text)
    assert not set("\n\r\x0b\x0c\x1c\x85\u2028\u2029") & set(inserted), "it stays one line everywhere"
    sample = json.loads(line.replace("|", inserted))
    assert sample["messages"][1]["content"] == typed + text


def test_a_line_that_escapes_goes_on_so() -> None:
    for line, written in ((CHAT.replace("HERE", "\\u00e9 |"), "\\u00e8"), (CHAT.replace("HERE", "é |"), "è")):
        found = find(line)
        assert found
        assert found.written("è") == written


def test_raw_text_where_the_file_has_some() -> None:
    assert asked('{"text": "Once|"}', head='{"text": "x"}') == ([], "Once")
    assert asked('{"text": "Once|"}') is None, "it could be anything"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("The cap", "The"),
        ("The cap ", "The cap"),
        ("Cap", ""),
        ("", ""),
        ('{"room":"attic","dev', '{"room":"attic","'),
        ('{"room":"', '{"room'),
        ("one\n\nTwo", "one\n"),
        ("don't", "don'"),
    ],
)
def test_the_last_word_is_asked_for_again(typed: str, kept: str) -> None:
    assert typed[: beginning.safe(typed)] == kept
