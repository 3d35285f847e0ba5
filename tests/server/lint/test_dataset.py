"""The data set linter: what it remembers between edits never changes what it finds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintune_server.lint import checking
from lintune_server.lint.context import Context, context_for
from lintune_server.lint.dataset import DatasetLinter
from lintune_server.lint.findings import Range
from lintune_server.lint.selection import Selection

EXAMPLE = Path(__file__).parents[3] / "examples" / "smart-home"

GOOD = '{"prompt": "Hi", "completion": "Hello!"}'
CHAT = '{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]}'
LINES = [
    GOOD,
    '{"prompt": "Bye", "completion": "Bye!"}',
    CHAT,
    CHAT.replace("assistant", "gpt"),
    '{"prompt": "", "completion": "?"}',
    '{"prompt": "Hi"',
    "[]",
    "",
    "  ",
    '{"prompt": "Hi", "completion": "", "_lintune_ignore": ["SF111"]}',
    '{"instruction": "Hi", "output": "Hello!"}',
]


def check(text: str, linter: DatasetLinter | None = None):
    return (linter or DatasetLinter(Path("a.jsonl"), Context())).check(text)


@settings(max_examples=60)
@given(st.lists(st.lists(st.sampled_from(LINES), max_size=6), min_size=1, max_size=4))
def test_checking_again_after_edits_equals_checking_afresh(versions):
    linter = DatasetLinter(Path("a.jsonl"), Context())
    for lines in versions:
        text = "\n".join(lines)
        assert check(text, linter) == check(text)


@given(st.text())
def test_any_text_can_be_checked(text):
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for finding in check(text):
        assert isinstance(finding.range, Range)
        assert finding.range.start <= finding.range.end
        assert finding.range.end.line < len(lines)
        assert finding.range.end.column <= len(lines[finding.range.end.line])


@given(
    st.dictionaries(
        st.sampled_from(["messages", "prompt", "completion", "instruction", "output", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=3),
            lambda inner: st.lists(
                inner | st.fixed_dictionaries({}, optional={"role": inner, "content": inner, "weight": inner}),
                max_size=3,
            ),
        ),
    )
)
def test_any_object_can_be_checked(sample):
    check(json.dumps(sample))


@pytest.mark.parametrize("name", ["train.jsonl", "eval.jsonl"])
def test_silent_on_clean_data(name):
    path = EXAMPLE / "data" / name
    assert DatasetLinter(path, context_for(path)).check(path.read_text(encoding="utf-8")) == []


def test_the_format_is_that_of_most_samples():
    both = '{"prompt": "Bye", "completion": "See you!", "instruction": "x"}'
    assert check("\n".join([GOOD, both, ""])) == []
    codes = [finding.code for finding in check("\n".join(['{"instruction": "a", "output": "b"}'] * 2 + [both, ""]))]
    assert codes == ["DU301", "SF102"]


def test_codes_are_ignored_by_sample_and_by_selection():
    bad = '{"prompt": "Hi", "completion": ""}\n'
    assert [finding.code for finding in check(bad)] == ["SF111"]
    assert check('{"prompt": "Hi", "completion": "", "_lintune_ignore": ["SF111"]}\n') == []
    for selection in (Selection(ignore=("SF",)), Selection(select=("JL", "DU301"))):
        assert DatasetLinter(Path("a.jsonl"), Context(), selection).check(bad) == []


def test_the_last_line_can_be_deleted_without_a_line_end():
    fix = check(f"{GOOD}\n{GOOD}")[0].fix
    assert fix is not None
    assert [(edit.range.start.line, edit.range.start.column, edit.range.end.line) for edit in fix.edits] == [(0, 40, 1)]


def test_totals_count_what_is_trained():
    path = EXAMPLE / "data" / "train.jsonl"
    linter = DatasetLinter(path, context_for(path))
    totals = checking.check(path, None, Selection()).totals
    inspected = [linter.inspect(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert totals.samples == len(inspected) == 229
    assert totals.tokens == sum(len(sample.tokenized.ids) for sample in inspected)
    assert totals.trained_tokens == sum(sample.tokenized.trained_tokens for sample in inspected)


class TestContext:
    def test_no_recipe(self, tmp_path):
        (tmp_path / ".git").mkdir()
        context = context_for(tmp_path / "a.jsonl")
        assert context.recipe is None
        assert "no recipe" in context.problem

    @pytest.mark.parametrize(
        ("recipe", "problem"),
        [
            ("a: b: c", "no valid YAML"),
            ("adapter: lora", "no base_model"),
            ("base_model: ./nowhere", "was not found"),
            ("base_model: owner/not-here", "not on this machine"),
            ("base_model: smollm2-135m-instruct\nchat_template: nonsense", "not built in"),
        ],
    )
    def test_what_is_missing_is_said(self, tmp_path, recipe, problem):
        (tmp_path / "recipe.yaml").write_text(recipe)
        context = context_for(tmp_path / "a.jsonl")
        assert context.tokenizer is None
        assert problem in context.problem
