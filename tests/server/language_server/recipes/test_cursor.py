"""Where the cursor is in a recipe that is being written. `¦` is the cursor."""

import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from lintune_server.language_server.recipes import cursor
from lintune_server.language_server.recipes.cursor import Cursor
from lintune_server.language_server.recipes.nodes import Node
from lintune_server.language_server.recipes.outline import Outline
from lintune_server.language_server.recipes.scalars import unquoted
from lintune_server.language_server.text import split

pytestmark = pytest.mark.long


def at_mark(marked: str) -> Cursor | None:
    before, _, after = marked.partition("¦")
    line, column = before.count("\n"), len(before) - before.rfind("\n") - 1
    return cursor.find(split(before + after), line, column)


def shown(marked: str) -> str | None:
    """What fits, the path, and what is replaced: `key value datasets.0 <pa>`."""
    found = at_mark(marked)
    if found is None:
        return None
    line = marked[: marked.index("¦")].count("\n")
    text = marked.replace("¦", "").split("\n")[line]
    kinds = [kind for kind in ("key", "value", "item") if getattr(found, kind)]
    path = ".".join(map(str, found.path)) or "top"
    return " ".join([*kinds, path, f"<{text[found.start : found.end]}>"])


CASES = {
    # Keys of the top level
    "¦": "key top <>",
    "base¦": "key top <base>",
    "ba¦se": "key top <base>",
    "¦base": "key top <base>",
    "base_model: x\n¦": "key top <>",
    "base_model: x\n\n¦\n\nlora_r: 8\n": "key top <>",
    "base_model: x\nlora¦\nlora_r: 8\n": "key top <lora>",
    "lora_a¦: 8\n": "key top <lora_a>",
    "lora_a¦ : 8\n": "key top <lora_a>",
    "lora_r 16¦\n": "key top <lora_r 16>",
    "datasets:\n  - path: a\n¦": "key top <>",
    "datasets:\n- path: a\n¦": "key top <>",
    "lintune:\n  train_on_save: true\n¦\nlora_r: 8": "key top <>",
    "---\n¦": "key top <>",
    "# a comment\n¦": "key top <>",
    "\ufeffbase¦": "key top <base>",
    # Values beside a key
    "adapter: ¦": "value adapter <>",
    "adapter:¦": "value adapter <>",
    "adapter: q¦": "value adapter <q>",
    "adapter: q¦lora": "value adapter <qlora>",
    "adapter: ¦qlora": "value adapter <qlora>",
    "adapter: qlora¦  # four bits": "value adapter <qlora>",
    "adapter: ¦  # four bits": "value adapter <>",
    "adapter : q¦": "value adapter <q>",
    '"adapter": q¦': "value adapter <q>",
    "adapter: &name q¦": "value adapter <q>",
    "adapter: !!str q¦": "value adapter <q>",
    "base_model: org/na¦me": "value base_model <org/name>",
    "base_model: a b¦ c": "value base_model <a b c>",
    "base_model: 'org/na¦'": "value base_model <org/na>",
    'base_model: "¦"': "value base_model <>",
    'base_model: "org¦': "value base_model <org>",
    'base_model: "org¦\nadapter: lora': "value base_model <org>",
    "base_model: C:\\mod¦els": "value base_model <C:\\models>",
    "base_model: a#b¦": "value base_model <a#b>",
    "base_model: 😀/b¦": "value base_model <😀/b>",
    "learning_rate: 2.0e-4¦": "value learning_rate <2.0e-4>",
    "base_model:\n  sm¦": "key value item base_model <sm>",
    "base_model:\n  ¦": "key value item base_model <>",
    "base_model:\n  'sm¦'": "key value item base_model <sm>",
    # Sections
    "lintune:\n  ¦": "key value item lintune <>",
    "lintune:\n  tr¦": "key value item lintune <tr>",
    "lintune:\n  train_on_save: true\n  ¦": "key lintune <>",
    "lintune:\n  train_on_save: true\n  ex¦\n": "key lintune <ex>",
    "lintune:\n  ex¦\n  train_on_save: true\n": "key lintune <ex>",
    "lintune:\n  ¦\n  train_on_save: true\n": "key lintune <>",
    "lintune:\n\n  # below\n\n  export:\n    ¦": "key value item lintune.export <>",
    "lintune:\n  export:\n    gguf: [q8_0]\n  ¦": "key lintune <>",
    "lintune:\n  export:\n    gguf: [q8_0]\n    ¦": "key lintune.export <>",
    "lintune:\n  train_on_save: ¦": "value lintune.train_on_save <>",
    "lintune:\n\ttrain¦": "key value item lintune <train>",
    "lintune: &x\n  train_on_save: tr¦": "value lintune.train_on_save <tr>",
    # Lists
    "datasets:\n  ¦": "key value item datasets <>",
    "datasets:\n  - ¦": "key value datasets.0 <>",
    "datasets:\n  -¦": "key value datasets.0 <>",
    "datasets:\n- ¦": "key value datasets.0 <>",
    "datasets:\n  - pa¦": "key value datasets.0 <pa>",
    "datasets:\n  - path: ¦": "value datasets.0.path <>",
    "datasets:\n  - path: a\n    ¦": "key datasets.0 <>",
    "datasets:\n  - path: a\n    ty¦": "key datasets.0 <ty>",
    "datasets:\n  - ty¦\n    path: a\n": "key datasets.0 <ty>",
    "datasets:\n  - ¦\n    path: a\n": "key datasets.0 <>",
    "datasets:\n- path: a\n  type: ¦": "value datasets.0.type <>",
    "datasets:\n  - path: a\n  ¦": "item datasets <>",
    "datasets:\n  - path: a\n  - path: b\n    ¦": "key datasets.1 <>",
    "datasets:\n  - path: a\n\n  - ¦\n  - path: b\n": "key value datasets.1 <>",
    "datasets:\n  -\n    path: ¦\n": "value datasets.0.path <>",
    "datasets:\n  - path: a\n    type:\n      field_in¦": "key value item datasets.0.type <field_in>",
    "datasets:\n  - path: a\n    type:\n      field_input: b\n      ¦": "key datasets.0.type <>",
    "datasets:\n  - path: a\n    roles:\n      user: [¦]": "value datasets.0.roles.user.0 <>",
    "lora_target_modules:\n  - q_proj\n  - ¦": "key value lora_target_modules.1 <>",
    "lora_target_modules:\n  - q_proj\n  - k_¦  # keys": "key value lora_target_modules.1 <k_>",
    "lora_target_modules:\n  - q_¦proj\n  - k_proj": "key value lora_target_modules.0 <q_proj>",
    'lora_target_modules:\n  - "k_¦': "key value lora_target_modules.0 <k_>",
    "- - a¦": "key value 0.0 <a>",
    # In brackets
    "lora_target_modules: [¦]": "value lora_target_modules.0 <>",
    "lora_target_modules: [¦": "value lora_target_modules.0 <>",
    "lora_target_modules: [q_proj, ¦]": "value lora_target_modules.1 <>",
    "lora_target_modules: [q_proj,¦": "value lora_target_modules.1 <>",
    "lora_target_modules: [q_proj, k¦]": "value lora_target_modules.1 <k>",
    "lora_target_modules: [q_proj, ¦, v_proj]": "value lora_target_modules.1 <>",
    "lora_target_modules: [q_p¦, v_proj]": "value lora_target_modules.0 <q_p>",
    "lora_target_modules: ['q_p¦', v_proj]": "value lora_target_modules.0 <q_p>",
    "lora_target_modules: ['q_p¦]": "value lora_target_modules.0 <q_p>",
    "lora_target_modules: [\n  q_proj,\n  k¦\n]": "value lora_target_modules.1 <k>",
    "lora_target_modules: [\n  q_proj,\n  ¦\n]\nlora_r: 8": "value lora_target_modules.1 <>",
    "lora_target_modules: [q_proj,  # queries\n  ¦\n]": "value lora_target_modules.1 <>",
    "lora_target_modules: [q_proj,\nlora_r: ¦": "value lora_r <>",
    "lora_target_modules: [q_proj,\nlo¦": "value lora_target_modules.1 <lo>",
    "lintune: {¦}": "key lintune <>",
    "lintune: {train¦}": "key lintune <train>",
    "lintune: {train¦: true}": "key lintune <train>",
    "lintune: {train_on_save: ¦}": "value lintune.train_on_save <>",
    "lintune: {train_on_save:¦}": "value lintune.train_on_save <>",
    "lintune: {train_on_save: true, ¦": "key lintune <>",
    "lintune: {lint: {ignore: [QL¦]}}": "value lintune.lint.ignore.0 <QL>",
    "lintune: {lint: {ignore: [QL4, D¦": "value lintune.lint.ignore.1 <D>",
    "lintune:\n  lint: {ignore: [¦]}": "value lintune.lint.ignore.0 <>",
    "lintune:\n  export: {gguf: [q4_k_m, ¦]}  # for the phone": "value lintune.export.gguf.1 <>",
    "datasets: [{path: a}, {¦}]": "key datasets.1 <>",
    "datasets: [{path: a, ¦}]": "key datasets.0 <>",
    "datasets:\n  - {path: a, type: ¦}": "value datasets.0.type <>",
    '{"base_model": "x", "ada¦"}': "key top <ada>",
    '{"base_model":"x¦"}': "value base_model <x>",
    '{\n  "adapter": ¦\n}': "value adapter <>",
    # Nowhere
    "# base¦": None,
    "adapter: qlora  # fo¦": None,
    "lora_target_modules: [a]  # ¦": None,
    "lora_target_modules: [a] ¦": None,
    "adapter: qlora ¦": None,
    "adapter: ¦ qlora": None,
    "lintune: ¦\n  train_on_save: true": None,
    "lintune: {lint: {}¦}": None,
    "chat_template_jinja: |\n  {% for ¦": None,
    "chat_template_jinja: |\n  text\n\n  ba¦\nlora_r: 8": None,
    "chat_template_jinja: >-\n    key: ¦": None,
    "chat_template_jinja: |¦": None,
    "base_model: x\n  ¦": None,
    "base_model: x\n  more¦": None,
    " ¦ base_model: x": None,
    "lintune:\n    train_on_save: true\n  ¦": None,
    'base_model: ¦"x"': None,
    'base_model: "x"¦': None,
    "%YAML 1.1¦\n": None,
    "---¦\n": None,
}


@pytest.mark.parametrize("marked", CASES)
def test_what_fits_where_the_cursor_is(marked: str) -> None:
    assert shown(marked) == CASES[marked]


@pytest.mark.parametrize("marked", CASES)
def test_line_ends_of_other_systems_make_no_difference(marked: str) -> None:
    crlf, plain = at_mark(marked.replace("\n", "\r\n")), at_mark(marked)
    assert crlf == plain


def test_what_is_there_already() -> None:
    found = at_mark("datasets:\n  - path: a\n    ¦\n    type: b\n")
    assert found
    assert found.present == {"path", "type"}
    renamed = at_mark("lora_r: 8\nlora_¦: 8\nadapter: lora\n")
    assert renamed
    assert renamed.has_colon
    assert renamed.present == {"lora_r", "adapter"}
    flow = at_mark("lintune: {lint: {}, ¦}")
    assert flow
    assert flow.present == {"lint"}
    text = "lora_target_modules: [q_proj, k¦, v_proj]"
    items = at_mark(text)
    assert items
    assert [text.replace("¦", "")[span.start : span.end] for span in items.items] == ["q_proj", "v_proj"]


def test_spaces_and_quotes_that_are_missing() -> None:
    for text, lead, closing in (
        ("adapter:¦", " ", ""),
        ("adapter: ¦", "", ""),
        ("datasets:\n  -¦", " ", ""),
        ("datasets:\n  - ¦", "", ""),
        ("lintune: {train_on_save:¦}", " ", ""),
        ("base_model: 'a¦", "", "'"),
        ("base_model: 'a¦'", "", ""),
    ):
        found = at_mark(text)
        assert found
        assert (found.lead, found.closing) == (lead, closing)


RECIPE = """\
# A recipe with all that YAML has
base_model: "org/na:me"   # quoted
datasets:
- path: a.jsonl
  type: chat_template
- {path: 'it''s.jsonl', type: {field_input: a, "field_output": b}}
test_datasets:
    -
        path: c
lora_target_modules: [q_proj, 'k_proj',
  v_proj  # the values
  ]
chat_template_jinja: |
  {% for m in messages %}
    key: value

  - item
  {% endfor %}
special_tokens: &tokens
  pad_token: <|pad|>
dataset_processes: 4
lintune:
  export:
    gguf: []
  lint:
    ignore: [QL408, {a: b}, [c, d]]
    select:
    - JL
    per-file-ignores: {"*.jsonl": [QL401], b*: []}
"""


def values(node: Node, lines: list[str]) -> Any:
    """What an outline holds, as plain values; texts in block style are `|`."""
    if node.children:
        if isinstance(node.children[0].key, int):
            return [values(child, lines) for child in node.children]
        return {child.key: values(child, lines) for child in node.children}
    if node.opener:
        return {"[": [], "{": {}}.get(node.opener, "|")
    return unquoted(lines[node.value.line][node.value.start : node.value.end]) if node.value else ""


def without_texts(read: Any, found: Any) -> Any:
    """What YAML reads, with `|` where the outline has one."""
    if isinstance(read, dict) and isinstance(found, dict):
        return {key: without_texts(value, found.get(key)) for key, value in read.items()}
    if isinstance(read, list) and isinstance(found, list) and len(read) == len(found):
        return [without_texts(*both) for both in zip(read, found, strict=True)]
    return "|" if found == "|" else read


def good_recipes() -> list[str]:
    """Recipes of the examples and of the rules' fixtures that YAML can read, and that repeat nothing by an alias."""
    root = Path(__file__).parents[4]
    texts = [RECIPE]
    for file in (*root.glob("examples/**/*.yaml"), *root.glob("tests/server/rules/fixtures/**/*.yaml")):
        text = file.read_text(encoding="utf-8", errors="replace")
        with suppress(yaml.YAMLError):
            if isinstance(yaml.load(text, Loader=yaml.BaseLoader), dict) and "<<" not in text:
                texts.append(text)
    return texts


def test_an_outline_is_what_yaml_reads() -> None:
    for text in good_recipes():
        lines = split(text)
        found = values(Outline(lines).root, lines)
        assert found == without_texts(yaml.load(text, Loader=yaml.BaseLoader), found)


def test_any_text_and_any_place_are_understood_somehow() -> None:
    """Pieces of recipes in any order, cut anywhere: an answer, never an error."""
    random.seed(4)
    pieces = [
        *RECIPE,
        *RECIPE.splitlines(keepends=True),
        "- ",
        "[",
        "{",
        "]",
        "}",
        "'",
        '"',
        ": ",
        "\t",
        "|",
        "#",
        "😀",
    ]
    for _ in range(400):
        lines = split("".join(random.choices(pieces, k=random.randrange(40))))
        for number, line in enumerate(lines):
            for column in range(len(line) + 2):
                found = cursor.find(lines, number, column)
                assert found is None or 0 <= found.start <= found.end <= len(line)
    assert cursor.find(["a"], 1, 0) is None
    assert cursor.find(["a"], -1, 0) is None


def test_a_very_long_recipe_is_read_around_the_cursor() -> None:
    lines = split("datasets:\n" + "  - path: a\n" * 100_000 + "lintune:\n  lint: {ignore: [Q]}\n" + "a: b\n" * 100_000)
    found = cursor.find(lines, 100_002, 18)
    assert found
    assert found.path == ("lintune", "lint", "ignore", 0)


def test_lines_that_are_very_long_or_deep() -> None:
    for text in ("- " * 50_000, "[" * 50_000, "{" * 50_000, "a: " * 50_000, "'" * 50_000, "#" * 50_000, " " * 50_000):
        for column in (0, 10, len(text)):
            cursor.find([text, ""], 0, column)
            cursor.find([text, ""], 1, 0)
