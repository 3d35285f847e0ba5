from __future__ import annotations

import pytest

from lintune_schemas import recipe as recipes
from lintune_schemas.errors import LintuneError


@pytest.fixture
def write(tmp_path):
    def write(text: str, name: str = "recipe.yaml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_reads_a_recipe_with_axolotls_defaults(write):
    recipe = recipes.load(write("base_model: x/y\ndatasets: [{path: a.jsonl, type: chat_template}]\nlora_r:\n"))
    assert (recipe.base_model, recipe.lora_r, recipe.datasets[0].path) == ("x/y", 16, "a.jsonl")
    assert not recipe.lintune.train_on_save


def test_keys_that_only_axolotl_carries_out_are_left_alone(write):
    assert recipes.load(write("base_model: x/y\nwandb_project: p\nflash_attention: true\n")).base_model == "x/y"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b: c", "no valid YAML"),
        ("- 1", "no YAML mapping"),
        ("adapter: lora", "base_model"),
        ("base_model: x/y\nlora_r: sixteen", "lora_r"),
        ("base_model: x/y\nlearning_rate: fast", "learning_rate"),
        ("base_model: x/y\nnum_epochs: .inf", ".inf is no number that can be counted with"),
        ("base_model: x/y\nlintune: {preview: {temperature: .nan}}", ".nan is no number"),
    ],
)
def test_refuses_what_cannot_be_understood(write, text, message):
    with pytest.raises(LintuneError, match=message):
        recipes.load(write(text))


def test_reads_numbers_that_yaml_takes_for_texts_as_axolotl_does(write):
    recipe = recipes.load(write("base_model: x/y\nlearning_rate: 1e-4\nweight_decay: 1.e-2\nwandb_name: 1e3\n"))
    assert (recipe.learning_rate, recipe.weight_decay) == (1e-4, 1e-2)
    assert recipes.lenient({"base_model": "x/y", "learning_rate": "5E-5", "output_dir": "1e3"}).output_dir == "1e3"
    assert recipes.lenient({"base_model": "x/y", "learning_rate": "9" * 400 + "e1"}).learning_rate == 2e-4


def test_says_what_is_no_file(tmp_path):
    with pytest.raises(LintuneError, match="There is no recipe"):
        recipes.load(tmp_path / "recipe.yaml")
    with pytest.raises(LintuneError, match="is a folder"):
        recipes.load(tmp_path)


def test_set_changes_values_of_sections_and_reads_numbers_as_meant(write):
    path = write("base_model: x/y\n")
    recipe = recipes.load(path, ["learning_rate=1e-4", "lintune.preview.max_tokens=7", "adapter=lora"])
    assert (recipe.learning_rate, recipe.lintune.preview.max_tokens, recipe.adapter) == (1e-4, 7, "lora")
    with pytest.raises(LintuneError, match="key=value"):
        recipes.load(path, ["learning_rate"])
    with pytest.raises(LintuneError, match="no section"):
        recipes.load(path, ["base_model.x=1"])


def test_the_fingerprint_follows_what_is_trained(write):
    def fingerprint(text):
        return recipes.fingerprint(recipes.load(write(text)))

    plain = fingerprint("base_model: x/y\nlora_r: 16\n")
    assert plain == fingerprint("# a comment\nlora_r: 16\nbase_model: x/y\nlintune: {lint: {ignore: [TK]}}\n")
    assert plain != fingerprint("base_model: x/y\nlora_r: 8\n")


def test_lenient_keeps_the_entries_of_data_sets_that_it_understands():
    entries = [
        {"path": "a.jsonl", "roles": "?", "field": "body"},
        {"path": 3},
        "b.jsonl",
        {"path": "\0"},
        {"path": "c.jsonl"},
    ]
    recipe = recipes.lenient({"base_model": "x/y", "datasets": entries})
    assert [(entry.path, entry.field) for entry in recipe.datasets] == [("a.jsonl", "body"), ("c.jsonl", None)]


def test_lenient_keeps_what_it_understands():
    recipe = recipes.lenient({"base_model": "x/y", "lora_r": "?", "sequence_len": 64, "nothing": 1})
    assert recipe is not None
    assert (recipe.lora_r, recipe.sequence_len) == (16, 64)
    assert recipes.lenient({"lora_r": 3}) is None
    assert recipes.lenient([1]) is None


class TestFindFor:
    def test_the_nearest_that_lists_the_data_set_wins(self, write, tmp_path):
        write("base_model: x/y\n", "data/recipe.yaml")
        lists_it = write("base_model: x/y\ndatasets: [{path: data/a.jsonl}]\n")
        dataset = write("", "data/a.jsonl")
        assert recipes.find_for(dataset) == lists_it

    def test_else_the_nearest(self, write):
        write("base_model: x/y\n")
        near = write("base_model: x/y\n", "data/other.recipe.yaml")
        assert recipes.find_for(write("", "data/b.jsonl")) == near

    def test_a_broken_recipe_hides_no_other(self, write):
        write("a: b: c", "recipe.yml")
        lists_it = write("base_model: x/y\ntest_datasets: [{path: a.jsonl}]\n", "z.recipe.yaml")
        assert recipes.find_for(write("", "a.jsonl")) == lists_it

    def test_it_does_not_leave_the_repository(self, write, tmp_path):
        write("base_model: x/y\n")
        (tmp_path / "inner" / ".git").mkdir(parents=True)
        assert recipes.find_for(write("", "inner/a.jsonl")) is None
