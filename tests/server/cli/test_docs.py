"""The pages in docs/ show what the commands print, and their examples are right."""

from __future__ import annotations

import re
import runpy
import shlex
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from lintune_schemas import recipe as recipes
from lintune_server.cli.main import COMMANDS, parser_of

ROOT = Path(__file__).parents[3]
DOCS = sorted((ROOT / "docs").glob("*.md"))


def test_pages_show_what_commands_print(monkeypatch: pytest.MonkeyPatch):
    for name in ("COLUMNS", "NO_COLOR"):
        monkeypatch.setenv(name, "80")  # so that it is as before afterwards
    built = runpy.run_path(str(ROOT / "docs" / "build_pages.py"))["pages"]()
    assert sorted(built) == DOCS
    for path, text in built.items():
        assert path.read_text(encoding="utf-8") == text, f"run docs/build_pages.py: {path.name}"


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path):
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        if not link.startswith(("rules/", "https://")):  # pages of rules are checked where they are built
            assert (path.parent / link).exists(), link


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_commands_that_are_shown_can_be_run(path: Path):
    text = path.read_text(encoding="utf-8")
    shown = re.findall(r"^(?: {4}|.*- run: )lintune (.+)$", text, re.MULTILINE)
    for words in map(shlex.split, shown):
        assert words[0] in COMMANDS
        parser_of(words[0]).parse_args(words[1:])


def test_recipes_that_are_shown_are_valid():
    text = (ROOT / "docs" / "check.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^( *)```yaml\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    assert blocks
    for _, block in blocks:
        recipe = {"base_model": "x/y", **yaml.safe_load(block)}
        Draft202012Validator(recipes.json_schema()).validate(recipe)


def test_workflows_are_yaml():
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "ci.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        assert yaml.safe_load(block)


HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_hooks_of_pre_commit(hook: dict):
    _, command, *options = shlex.split(hook["entry"])
    parser_of(command).parse_args([*options, "a.jsonl"])
    files = re.compile(hook["files"])
    for name in ("data/a.jsonl", "b.ndjson", "recipe.yaml", "x/recipe.yml", "small.recipe.yaml"):
        assert files.search(name), name
    for name in ("a.json", "compose.yaml", "recipe.yaml.bak", "a.jsonl.gz", "myrecipe.yaml"):
        assert not files.search(name), name
