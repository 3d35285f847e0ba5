"""A recipe's data sets in numbers; and what is said of one as a whole is shown in its recipe, too."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lintune_server.lint import checking, recipe_data, scanning
from lintune_server.lint.recipe import check_recipe
from lintune_server.lint.recipe_data import RecipeData
from lintune_server.lint.recipe_source import RecipeSource
from lintune_server.lint.selection import Selection

if TYPE_CHECKING:
    from pathlib import Path

RECIPE = "base_model: nothing\ndatasets:\n  - path: a.jsonl\n  - path: data/b.jsonl\n"


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    for name, numbers in (("a.jsonl", range(8)), ("data/b.jsonl", range(8, 15)), ("eval.jsonl", range(15, 18))):
        lines = [json.dumps({"prompt": f"What is {number}?", "completion": f"{number} it is."}) for number in numbers]
        (tmp_path / name).write_text("\n".join(lines), encoding="utf-8")
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def found(recipe: Path, text: str | None = None) -> list[tuple[str, int, str]]:
    findings = check_recipe(text or recipe.read_text(encoding="utf-8"), recipe, Selection(("DS",)))
    return [(one.code, one.range.start.line, one.related[0].path.name if one.related else "") for one in findings]


def test_each_is_shown_once_where_the_recipe_names_the_file(recipe):
    assert found(recipe) == [("DS501", 2, "a.jsonl"), ("DS502", 2, "a.jsonl")]
    text = f"{RECIPE}test_datasets:\n  - path: eval.jsonl\n"
    assert found(recipe, text) == [("DS501", 2, "a.jsonl"), ("DS504", 5, "eval.jsonl")]


def test_what_is_being_edited_counts_and_not_what_is_on_disk(recipe):
    assert [code for code, *_ in found(recipe, f"{RECIPE}val_set_size: 0.1\n")] == ["DS501"]
    assert found(recipe, RECIPE.replace("a.jsonl", "gone.jsonl")) == [
        ("DS505", 2, ""),
        ("DS501", 3, "b.jsonl"),
        ("DS502", 3, "b.jsonl"),
    ]


def test_data_that_was_saved_is_read_again(recipe):
    assert "15 samples" in check_recipe(RECIPE, recipe, Selection(("DS501",)))[0].message
    with (recipe.parent / "data" / "b.jsonl").open("a", encoding="utf-8") as file:
        file.write('\n{"prompt": "Another?", "completion": "Yes."}')
    assert "16 samples" in check_recipe(RECIPE, recipe, Selection(("DS501",)))[0].message


def test_what_a_recipe_ignores_in_a_file_is_not_shown_for_it(recipe):
    lint = 'lintune: {lint: {per-file-ignores: {"data/*": [DS]}}}\n'
    assert found(recipe, f"{RECIPE}{lint}") == [("DS501", 2, "a.jsonl"), ("DS502", 2, "a.jsonl")]
    lint = 'lintune: {lint: {per-file-ignores: {"*.jsonl": [DS502]}}}\n'
    assert found(recipe, f"{RECIPE}{lint}") == [("DS501", 2, "a.jsonl")]


def test_nothing_is_read_when_nothing_is_listed_or_asked_for(recipe, monkeypatch):
    monkeypatch.setattr(scanning, "peer_scan", lambda *_: pytest.fail("a data set was read"))
    assert found(recipe, "base_model: nothing\n") == []
    assert check_recipe(RECIPE, recipe, Selection(("RC601", "RC602", "RC607"))) == []
    monkeypatch.setattr(recipe_data, "_LARGEST", 10)
    assert found(recipe) == []


@pytest.mark.parametrize(
    "entry", ['"a\\0.jsonl"', f"{'a' * 5000}.jsonl", "circle.jsonl", "a.jsonl/b.jsonl", ".", "''", "~", "[1]"]
)
def test_odd_paths_do_no_harm(recipe, entry):
    (recipe.parent / "circle.jsonl").symlink_to("circle.jsonl")
    recipe.write_text(f"base_model: nothing\ndatasets:\n  - path: {entry}\n  - path: data/b.jsonl\n", encoding="utf-8")
    for path in (recipe, recipe.parent / "data" / "b.jsonl"):
        checking.check(path, None, Selection())
    assert ("DS505", 2, "") in found(recipe) or entry in ("~", "[1]")


def numbers(recipe: Path, text: str) -> RecipeData | None:
    return RecipeSource(text, recipe).data


def test_numbers_of_what_is_trained_on_and_evaluated_with(recipe):
    data = numbers(recipe, RECIPE)
    assert data is not None
    assert replace(data, formats=()) == RecipeData(15, 0, tokens=None, trained_tokens=None, longest=None, p99=None)
    assert numbers(recipe, f"{RECIPE}val_set_size: 0.2\n") == replace(data, training_samples=12, evaluation_samples=3)
    assert numbers(recipe, f"{RECIPE}val_set_size: 4\n") == replace(data, training_samples=11, evaluation_samples=4)
    listed = f"{RECIPE}test_datasets: [{{path: eval.jsonl}}]\n"
    evaluated = numbers(recipe, listed)
    assert evaluated is not None
    assert evaluated == replace(data, evaluation_samples=3, formats=evaluated.formats)
    assert [file.name for file, _ in evaluated.formats] == [*(file.name for file, _ in data.formats), "eval.jsonl"]
    assert numbers(recipe, listed.replace("eval.jsonl", "gone.jsonl")) == replace(data, evaluation_samples=None)


def test_no_numbers_where_not_everything_can_be_read(recipe):
    for text in (
        RECIPE.replace("a.jsonl", "gone.jsonl"),
        RECIPE.replace("a.jsonl", "owner/name"),
        "base_model: x\n",
        "",
    ):
        assert numbers(recipe, text) is None
    (recipe.parent / "a.jsonl").write_text('[\n{"prompt": "Hi"}\n]\n', encoding="utf-8")
    assert numbers(recipe, RECIPE) is None


def test_tokens_are_those_of_the_recipe_as_it_is_edited_or_not_known(recipe):
    text = RECIPE.replace("nothing", "smollm2-135m-instruct")
    recipe.write_text(text, encoding="utf-8")
    data = numbers(recipe, text)
    assert data is not None
    assert data.longest is not None
    assert data.tokens is not None
    assert 0 < data.p99 <= data.longest <= data.tokens <= 15 * data.longest
    assert 0 < data.trained_tokens < data.tokens
    assert numbers(recipe, f"{text}sequence_len: {data.longest - 1}\n").training_samples < 15
    cut = numbers(recipe, f"{text}sequence_len: 8\nexcess_length_strategy: truncate\n")
    assert (cut.training_samples, cut.tokens, cut.longest) == (15, 15 * 8, data.longest)
    assert numbers(recipe, f"{text}val_set_size: 5\n").tokens == round(data.tokens * 2 / 3)
    assert numbers(recipe, f"{text}chat_template: chatml\n").tokens is None
