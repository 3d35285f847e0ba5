"""What is written where a person says that a finding is fine."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from lintune_server.lint import fixing, ignoring, yaml_source
from lintune_server.lint.findings import Finding, Position, Range, Severity
from lintune_server.lint.json_source import scan

ROOT = Path(__file__).parents[3]
RECIPES = sorted({*ROOT.glob("examples/**/recipe.yaml"), *ROOT.glob("tests/**/*.recipe.yaml")})


def in_recipe(text: str, code: str = "TK201") -> str | None:
    edit = ignoring.in_recipe(text, code)
    return fixing.apply(text, [edit]) if edit else None


NEW = "lintune:\n  lint:\n    ignore: [TK201]\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("base_model: 😀\n", f"base_model: 😀\n{NEW}", id="no section"),
        pytest.param("a: 1", f"a: 1\n{NEW.rstrip()}", id="no line end"),
        pytest.param("a: 1\r\nb: 2\r\n", "a: 1\r\nb: 2\r\n" + NEW.replace("\n", "\r\n"), id="CRLF"),
        pytest.param("a: |\n  text\n\n", f"a: |\n  text\n\n{NEW}", id="a text at the end"),
        pytest.param("{a: 1}\n", "{a: 1, lintune: {lint: {ignore: [TK201]}}}\n", id="braces"),
        pytest.param("{}\n", "{lintune: {lint: {ignore: [TK201]}}}\n", id="empty braces"),
        pytest.param(
            "a: 1\nlintune:  # ours\n    # on save\n    train_on_save: true\nb: 2\n",
            "a: 1\nlintune:  # ours\n    lint:\n      ignore: [TK201]\n    # on save\n    train_on_save: true\nb: 2\n",
            id="no lint",
        ),
        pytest.param(
            "lintune: {train_on_save: true}\n", "lintune: {train_on_save: true, lint: {ignore: [TK201]}}\n", id="braces"
        ),
        pytest.param("lintune:\nb: 1\n", f"{NEW}b: 1\n", id="an empty section"),
        pytest.param("lintune: ~  # x\n", "lintune: {lint: {ignore: [TK201]}}  # x\n", id="a section of nothing"),
        pytest.param(
            "lintune:\n  lint:\n    select: [TK]\n",
            "lintune:\n  lint:\n    ignore: [TK201]\n    select: [TK]\n",
            id="no list",
        ),
        pytest.param(
            "lintune:\n  lint:\n    ignore:\n    select: [TK]\n",
            "lintune:\n  lint:\n    ignore: [TK201]\n    select: [TK]\n",
            id="an empty key",
        ),
        pytest.param(
            "lintune:\n  lint: {ignore: [DS]}  # two\n", "lintune:\n  lint: {ignore: [DS, TK201]}  # two\n", id="a list"
        ),
        pytest.param("lintune:\n  lint:\n    ignore: []\n", NEW, id="an empty list"),
        pytest.param("lintune: {lint: {ignore: DU}}\n", "lintune: {lint: {ignore: [DU, TK201]}}\n", id="one code"),
        pytest.param(
            "lintune:\n  lint:\n    ignore:\n    - DS  # few\n    - QL4\n  train_on_save: true\n",
            "lintune:\n  lint:\n    ignore:\n    - DS  # few\n    - QL4\n    - TK201\n  train_on_save: true\n",
            id="a list of lines",
        ),
        pytest.param(
            "lintune:\n  lint:\n    ignore: [\n      DS,  # few\n    ]\n",
            "lintune:\n  lint:\n    ignore: [\n      DS, TK201,  # few\n    ]\n",
            id="a list over lines",
        ),
        pytest.param(
            "mine: &mine\n  train_on_save: true\nlintune:\n  <<: *mine\n",
            "mine: &mine\n  train_on_save: true\nlintune:\n  lint:\n    ignore: [TK201]\n  <<: *mine\n",
            id="a merge",
        ),
    ],
)
def test_recipes(before: str, after: str) -> None:
    assert in_recipe(before) == after


@pytest.mark.parametrize(
    "text",
    [
        "lintune: {lint: {ignore: [TK201]}}\n",
        "lintune: {lint: {ignore: [QL, TK2]}}\n",
        "lintune: {lint: {ignore: TK}}\n",
        "lintune: {lint: {ignore: {TK201: yes}}}\n",
        "lintune: 3\n",
        "lintune: {lint: off}\n",
        "- a\n",
        "a: [1\n",
        "a: !!python/object:os.system b\n",
        "a: 1\n...\n",
        "",
        "# nothing\n",
        "a: " + "b" * 1_000_001,
    ],
)
def test_recipes_in_which_nothing_is_to_be_written_or_nothing_can_be(text: str) -> None:
    assert in_recipe(text) is None


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_recipes_keep_all_else(path: Path) -> None:
    text = path.read_text(encoding="utf-8", errors="replace")
    changed = in_recipe(text, "QL408")
    if changed is None:
        return
    after = changed.splitlines()
    gone = [line for line in text.splitlines() if line not in after]
    assert len(gone) <= 1, "of the lines that were there, one may have got longer"
    root = yaml_source.parse(changed)
    assert root
    assert "QL408" in root.value["lintune"]["lint"]["ignore"]


def test_most_recipes_can_be_edited() -> None:
    good = [path for path in RECIPES if "good" in path.name or path.name == "recipe.yaml"]
    assert good
    assert [path for path in good if in_recipe(path.read_text(encoding="utf-8"), "QL408") is None] == []


def on_sample(line: str, code: str = "QL402", *, whole_file: bool = False) -> str | None:
    place = Range(Position(3, 0), Position(3, 1))
    edit = ignoring.on_sample(Finding(code, "a-rule", Severity.WARNING, "", place, whole_file=whole_file), line)
    if edit is None:
        return None
    assert edit.range.start == edit.range.end
    assert edit.range.start.line == 3
    column = edit.range.start.column
    return line[:column] + edit.text + line[column:]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"text": "😀"}', '{"text": "😀", "_lintune_ignore": ["QL402"]}'),
        ('{"text":"a: b"} ', '{"text":"a: b","_lintune_ignore":["QL402"]} '),
        ('\ufeff{ "text": "a" }', '\ufeff{ "text": "a", "_lintune_ignore": ["QL402"] }'),
        ("{}", '{"_lintune_ignore":["QL402"]}'),
        ('{"_lintune_ignore": ["QL401"], "text": "a"}', '{"_lintune_ignore": ["QL401", "QL402"], "text": "a"}'),
        ('{"text":"a","_lintune_ignore":["QL401" ]}', '{"text":"a","_lintune_ignore":["QL401","QL402" ]}'),
        ('{"_lintune_ignore": [], "text": "a"}', '{"_lintune_ignore": ["QL402"], "text": "a"}'),
    ],
)
def test_samples(before: str, after: str) -> None:
    assert on_sample(before) == after
    assert orjson.loads(after.removeprefix("\ufeff"))["_lintune_ignore"][-1] == "QL402"
    assert scan(after).at(("_lintune_ignore",))


@pytest.mark.parametrize(
    "line", ['{"_lintune_ignore": ["QL402"]}', '{"_lintune_ignore": "QL402"}', "{broken", "[]", "", '{"a": "\ud83d"}']
)
def test_samples_in_which_nothing_is_to_be_written_or_nothing_can_be(line: str) -> None:
    assert on_sample(line) is None


def test_rules_that_are_not_about_a_sample() -> None:
    assert on_sample('{"a": 1}', "DS501") is None
    assert on_sample('{"a": 1}', "RC601") is None
    assert on_sample('{"a": 1}', "JL005", whole_file=True) is None
