"""Whatever stands on a line: what the editor asks about it has an answer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from lintune_schemas.layouts import LOOKED_AT
from lintune_server.language_server.datasets import folds, special_tokens
from lintune_server.language_server.datasets.completion import complete
from lintune_server.language_server.datasets.memo import Memo
from lintune_server.language_server.datasets.reader import LONGEST, Reader
from lintune_server.language_server.datasets.selections import spans_at
from lintune_server.lint.context import Context

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from lintune_server.language_server.datasets.outline import Entry

FIXTURES = Path(__file__).parents[2] / "rules" / "fixtures"
LINES = sorted(
    {
        line
        for path in FIXTURES.glob("[ST][FK]*/*.jsonl")
        for line in path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        if len(line) < 2_000
    }
)
"""Samples of every format, many of them with something wrong in them."""
PIECES = st.sampled_from(
    [
        '"',
        "\\",
        "{",
        "[",
        "}",
        "]",
        ",",
        ":",
        '"tool_calls": [',
        '"role": "',
        "null",
        "<|end|>",
        "\U0001f3e0",
        "\ud83d",
        "",
    ]
)
PATTERN = re.compile(re.escape("<|end|>"))


def within(inner: tuple[int, int], outer: tuple[int, int]) -> bool:
    return outer[0] <= inner[0] <= inner[1] <= outer[1]


def check(entry: Entry, outer: tuple[int, int]) -> None:
    assert entry.name
    assert within(entry.span, outer)
    for part in entry.parts:
        check(part, entry.span)


@given(st.lists(st.sampled_from(LINES), min_size=1, max_size=4), st.data())
def test_any_line(lines: list[str], data: st.DataObject) -> None:
    for number, line in enumerate(lines):
        if data.draw(st.booleans()):
            at = data.draw(st.integers(0, len(line)))
            lines[number] = line[:at] + data.draw(PIECES) + line[data.draw(st.integers(at, len(line))) :]
    reader = Reader(Path("a.jsonl"), Context(), lines)
    for line, entry, title in zip(lines, reader.entries.of(lines), reader.titles.of(lines), strict=True):
        if entry is not None:
            check(entry, (0, len(line)))
            assert title == entry._replace(parts=[])
        for start, end in special_tokens.find(reader.line(line), PATTERN):
            assert 0 <= start < end <= len(line)
        column = data.draw(st.integers(0, len(line)))
        assert all(start <= column <= end for start, end in spans_at(line, column))
        found = complete(reader, line, column)
        if found is not None:
            (start, end), candidates = found
            assert 0 <= start <= column <= end <= len(line)
            assert candidates
    assert reader.counts.of(lines) == [None] * len(lines)
    for fold in [*folds.runs(reader.headings.of(lines)), *folds.brackets(lines)]:
        assert 0 <= fold.first < fold.last < len(lines)
    folds.is_pretty_printed(lines)


def test_the_first_lines_decide_on_the_layout() -> None:
    alpaca = '{"instruction": "a", "input": "", "output": "b"}'
    reader = Reader(Path("a.jsonl"), Context(), ["", "{broken", *[alpaca] * LOOKED_AT])
    assert reader.layout
    assert reader.layout.format == "alpaca"
    assert Reader(Path("a.jsonl"), Context(), ["", "[]"]).layout is None


def test_lines_that_are_too_long_to_be_read_here() -> None:
    long = f'{{"text": "{"a" * LONGEST}"}}'
    reader = Reader(Path("a.jsonl"), Context(), [long])
    assert reader.entries.of([long]) == [None]
    assert reader.headings.of([long]) == [None]
    assert complete(reader, long, 3) is None


def test_what_is_known_of_a_line_is_not_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lintune_server.language_server.datasets.memo._MOST", 4)
    asked: list[str] = []

    def find(lines: Sequence[str]) -> list[int]:
        asked.extend(lines)
        return [len(line) for line in lines]

    memo = Memo(find)
    assert memo.of(["a", "bb", "a"]) == [1, 2, 1]
    assert memo.of(["bb", "ccc"]) == [2, 3]
    assert asked == ["a", "bb", "ccc"]
    assert memo.of(["bb", "dddd", "eeeee"]) == [2, 4, 5], "too many: others are forgotten"
    assert memo.of(["bb", "a"]) == [2, 1]
    assert asked == ["a", "bb", "ccc", "dddd", "eeeee", "a"]
