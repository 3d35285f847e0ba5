"""YAML that asks for too much gets one clear sentence with a place, before anything is built from it."""

from __future__ import annotations

import pytest
import yaml

from lintune_schemas import recipe as recipes
from lintune_schemas import recipe_yaml
from lintune_schemas.errors import LintuneError
from lintune_schemas.recipe_yaml import DEEPEST, LARGEST, MOST_VALUES, RecipeYamlError

HEAD = "base_model: x/y\n"
NAMES = zip("abcdefgh", "bcdefghi", strict=True)
LAUGHS = "".join(f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in NAMES)

REFUSED = {
    "billion laughs": (f"a: &a [{', '.join('x' * 9)}]\n{LAUGHS}", "aliases stand for more than 10,000 values"),
    "laughs of merges": (
        "a: &a {" + ", ".join(f"k{n}: 1" for n in range(200)) + "}\n" + "b:\n  <<: [" + ", ".join(["*a"] * 99) + "]\n",
        "aliases stand for more than",
    ),
    "a long text many times": (
        f'a: &a "{"x" * 300_000}"\nb: [{", ".join(["*a"] * 9)}]\n',
        "aliases stand for more than",
    ),
    "many values": ("a:\n" + "- b\n" * MOST_VALUES, "this recipe holds more than 10,000 values"),
    "brackets": ("a: " + "[" * 100_000, "more than 64 levels inside each other"),
    "braces": ("a: " + "{a: " * 100_000, "more than 64 levels inside each other"),
    "dashes": ("a:\n" + "- " * 100_000, "more than 64 levels inside each other"),
    "questions": ("a:\n  " + "? " * 5_000, "more than 64 levels inside each other"),
    "indentation": ("".join(" " * n + "a:\n" for n in range(1_000)), "more than 64 levels inside each other"),
    "python objects": ("a: !!python/object/apply:os.system [ls]", r"tags \(!…\) are not allowed"),
    "python names": ("a: !!python/name:os.system ''", r"tags \(!…\) are not allowed"),
    "a tag of its own": ("a: !foo 1", r"tags \(!…\) are not allowed"),
    "a tagged section": ("a: !foo {b: 1}", r"tags \(!…\) are not allowed"),
    "a tagged list": ("a: !!set [1]", r"tags \(!…\) are not allowed"),
    "bytes": ("a: !!binary aGk=", r"tags \(!…\) are not allowed"),
    "a list in itself": ("a: &a [1, *a]", r"\*a stands inside of what &a names"),
    "a section in itself": ("a: &a {b: {c: *a}}", r"\*a stands inside of what &a names"),
    "a merge of itself": ("a: &a\n  <<: *a\n  b: 1", r"\*a stands inside of what &a names"),
    "ten megabytes": ("a: " + "x" * 10_000_000, "10,000,019 characters"),
    "half a character": ("a: \ud83d", "half of a character"),
    "no such day": ("a: 2024-02-31", "no such day"),
    "no whole number": ("a: !!int x", "cannot be read as a whole number"),
    "neither true nor false": ("a: !!bool x", "cannot be read as true or false"),
    "infinity": ("a: -.inf", "-.inf is no number that can be counted with"),
    "no number": ("a: .nan", ".nan is no number that can be counted with"),
    "a number of 5,000 digits": (f"a: {'9' * 5_000}", "too large"),
    "a number of 20 digits": (f"a: {'9' * 20}", "too large"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_is_refused_where_it_stands(text, message):
    with pytest.raises(RecipeYamlError, match=message) as caught:
        recipe_yaml.load(HEAD + text)
    assert 0 <= caught.value.start < caught.value.end <= len(HEAD + text)


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_a_run_and_the_command_line_are_told(text, message, tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_bytes((HEAD + text).encode("utf-8", "surrogatepass"))
    with pytest.raises(LintuneError, match="no UTF-8 text" if "\ud83d" in text else message):
        recipes.parse(path)
    dataset = tmp_path / "a.jsonl"
    assert recipes.find_for(dataset) == path  # the nearest, though nothing can be read from it


@pytest.mark.parametrize(
    "text",
    ["a: b: c", "a: *nothing", "a: 1\n---\nb: 2", "a: \x01", "a: [1", "? [1]\n: 2\n? {a: 1}\n: 3", "a: {<<: 1}"],
    ids=["colons", "no anchor", "two documents", "control", "open", "keys that are lists", "a merge of a number"],
)
def test_what_is_no_yaml_is_an_error_of_yaml(text, tmp_path):
    with pytest.raises(yaml.YAMLError):
        recipe_yaml.load(text)
    path = tmp_path / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LintuneError, match="lintune check"):
        recipes.parse(path)


def test_what_a_recipe_may_have():
    text = """
defaults: &defaults {lora_r: 8, tags: [a, b]}
run:
  <<: *defaults
  lora_alpha: 16
again: [*defaults, *defaults]
text: !!str 12
number: !!float 1e-4
day: 2024-02-29
"""
    values = recipe_yaml.load(text)
    assert values["run"] == {"lora_r": 8, "tags": ["a", "b"], "lora_alpha": 16}
    assert values["again"] == [values["defaults"]] * 2
    assert (values["text"], values["number"]) == ("12", 1e-4)


def test_the_bounds_themselves_are_allowed():
    assert recipe_yaml.load("[" * (DEEPEST - 1) + "]" * (DEEPEST - 1))
    assert len(recipe_yaml.load("- b\n" * (MOST_VALUES - 1))) == MOST_VALUES - 1
    comment = "# " + "x" * (LARGEST - 10) + "\n"
    assert recipe_yaml.load(comment + "a: 1") == {"a": 1}


def test_set_takes_no_tags_either(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(HEAD, encoding="utf-8")
    with pytest.raises(LintuneError, match="no valid YAML value"):
        recipes.load(path, ["lora_r=!!int x"])
