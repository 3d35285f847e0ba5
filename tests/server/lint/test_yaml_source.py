"""Where the values of a recipe stand: anchors, aliases, merges, repeated keys; and what is said when it is too much."""

from __future__ import annotations

import pytest

from lintune_server.lint import yaml_source
from lintune_server.lint.findings import Position, Range
from lintune_server.lint.lines import LINE_END
from lintune_server.lint.recipe import check_recipe

SHARED = """\
base_model: x/y
datasets:
  - &data
    path: a.jsonl
    type: chat_template
  - <<: *data
    path: b.jsonl
test_datasets: [*data]
lora: &lora {lora_r: 8}
again:
  <<: *lora
other:
  one: *lora
"""


def shown(text: str, place: Range) -> str:
    """The text of a range, with the editor's lines."""
    lines = LINE_END.split(text)
    start, end = place.start, place.end
    if start.line == end.line:
        return lines[start.line][start.column : end.column]
    return "\n".join(
        [lines[start.line][start.column :], *lines[start.line + 1 : end.line], lines[end.line][: end.column]]
    )


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("datasets", 0, "path"), "a.jsonl"),
        (("datasets", 1, "path"), "b.jsonl"),
        (("datasets", 1, "type"), "chat_template"),
        (("datasets", 1), "<<: *data\n    path: b.jsonl"),
        (("test_datasets", 0, "path"), "a.jsonl"),
        (("test_datasets",), "[*data]"),
        (("again", "lora_r"), "8"),
        (("again",), "<<: *lora"),
        (("other", "one"), "&lora {lora_r: 8}"),
        (("other",), "one"),
    ],
)
def test_what_aliases_and_merges_bring_in_stands_where_the_anchor_is(path, text):
    assert shown(SHARED, yaml_source.parse(SHARED).at(path).range) == text


def test_an_alias_is_the_same_node():
    root = yaml_source.parse(SHARED)
    assert root.at(("test_datasets", 0)) is root.at(("datasets", 0))
    assert root.at(("datasets", 1)).value == {"path": "b.jsonl", "type": "chat_template"}
    assert root.at(("datasets", 1)).repeated == {}  # what a merge brings in is no repetition


def test_the_first_places_of_a_repeated_key_are_kept():
    text = "a: 1\nb: {c: 1, c: 2, c: 3}\na: 2\n"
    root = yaml_source.parse(text)
    assert root.value == {"a": 2, "b": {"c": 3}}
    assert root.repeated == {"a": [Range(Position(0, 0), Position(0, 1))]}
    assert [place.start.column for place in root.at(("b",)).repeated["c"]] == [4, 10]
    assert root.key_ranges["a"].start == Position(2, 0)


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\r\nb: é😀\r\nc: [x, y]\r\n",
        "a: 1\rb: 2\rc: [x, y]",
        "\ufeffa: 1\nb: 2\nc: [x, y]",
        'a: "x\u2028y"\nb: "x\x85y"\nc: [x, y]',
        "a: 1\n\n# a comment: 😀\nb: 2 # b\nc: [x, y]\n\n",
    ],
    ids=["crlf", "cr", "bom", "u+2028", "comments"],
)
def test_lines_are_the_editors(text):
    root = yaml_source.parse(text)
    for key in "abc":
        assert shown(text, root.key_ranges[key]) == key
        assert shown(text, root.at((key,)).range) == root.at((key,)).raw
    assert shown(text, root.at(("c", 1)).range) == "y"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("\ufeffa: b: c", ":"),
        ("a: 1\rb: c: d\r", ":"),
        ('a: "x\u2028y"\nb: c: d\n', ":"),
        ("é: 😀\nb: \x01", "\x01"),
        ("\ufeffa: !foo 1", "!foo"),
        ("\ufeffa: \ud83d", "\ud83d"),
        ("x\u2028\n", "x\u2028"),
    ],
)
def test_so_are_those_of_errors(text, where):
    with pytest.raises(yaml_source.YamlSyntaxError) as raised:
        yaml_source.parse(text + "a: [")
    assert shown(text + "a: [", raised.value.range) == where


def test_keys_that_are_no_texts():
    root = yaml_source.parse("1: a\ntrue: b\n[x, y]: c\n")
    assert list(root.value) == ["1", "true", "[x, y]"]


HEAD = "base_model: x/y\ndatasets: [{path: x/z}]\n"
LAUGHS = "a: &a [x, x]\n" + "".join(f"{y}: &{y} [{', '.join([f'*{x}'] * 30)}]\n" for x, y in ("ab", "bc", "cd", "de"))


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        (LAUGHS, "*c", "Aliases stand for more than 10,000 values, which no recipe needs."),
        ("lora_r: " + "[" * 100_000, "[", "More than 64 levels inside each other, which no recipe needs."),
        ("lora_r: !!python/name:os.system 1", "!!python/name:os.system", "YAML tags (!…) are not allowed in a recipe"),
        ("lora_r: !foo {a: 1}", "!foo", "YAML tags (!…) are not allowed in a recipe"),
        ("datasets: &a [*a]", "*a", "*a stands inside of what &a names: it would never end."),
        ("wandb_name: 2024-13-01", "2024-13-01", "2024-13-01 looks like a date"),
        ("seed: " + "9" * 5_000, "9" * 5_000, "This number is too large."),
        ("wandb_name: \ud83d", "\ud83d", "Half of a character stands here"),
        ("a: 1\n---\nb: 2", "-", "Invalid YAML: a second document (---) begins here"),
        ("a: \x07", "\x07", "Invalid YAML: a control character (U+0007)"),
        ("# " + "x" * 10_000_000, "base_model: x/y", "This recipe has 10,000,042 characters"),
    ],
    ids=[
        "laughs",
        "deep",
        "python",
        "tag",
        "recursion",
        "date",
        "digits",
        "surrogate",
        "documents",
        "control",
        "10 MB",
    ],
)
def test_one_clear_finding(text, where, message, tmp_path):
    recipe = HEAD + text
    (finding,) = check_recipe(recipe, tmp_path / "recipe.yaml")
    assert finding.code == "RC601"
    assert finding.message.startswith(message)
    assert shown(recipe, finding.range) == where


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("".join(f"lora_alph{n}: 1\n" for n in range(1_500)), "RC602"),
        ("lora_target_modules: [" + "1, " * 3_000 + "]\n", "RC603"),
        ("lora_r: 1\n" * 1_500, "RC605"),
        ("fsdp_config:\n" + "".join(f"  fsdp_x{n}: 1\n" for n in range(1_500)), "RC602"),
        ("lintune: {lint: {ignore: [" + ", ".join(["zz"] * 3_000) + "]}}\n", "RC603"),
    ],
    ids=["unknown keys", "wrong values", "repeated keys", "unknown keys of a section", "wrong codes"],
)
def test_thousands_of_findings_take_no_thousands_of_seconds(text, code, tmp_path):
    found = [finding for finding in check_recipe(HEAD + text, tmp_path / "recipe.yaml") if finding.code == code]
    assert len(found) >= 1_499


def test_a_long_value_makes_no_long_message(tmp_path):
    found = check_recipe(HEAD + f'lora_r: "{"x" * 500_000}"\n', tmp_path / "recipe.yaml")
    assert [finding.code for finding in found if len(finding.message) > 300] == []
