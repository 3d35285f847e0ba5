"""Which rules count: options, recipe, files, samples and the baseline; and what is said of an ignore without a use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lintune_server.lint import baseline
from lintune_server.lint.context import context_for
from lintune_server.lint.dataset import DatasetLinter
from lintune_server.lint.sieve import matches

from .command import GOOD, GPT, Command

RECIPE = """base_model: smollm2-135m-instruct
datasets:
  - path: data/train.jsonl
lintune:
  lint:
"""
RC602 = "base_model: x/y\nadapter: lora\ndatasets: [{path: a.jsonl}]\nlora_aplha: 3\nlintune: {lint: LINT}\n"
UNFINISHED = '{"prompt": "Name one.", "completion": ""}\n'


def codes(run: Command, *words: str) -> list[str]:
    """What is found, but for what is said of every small data set."""
    found = json.loads(run("check", "--output-format", "json", *words).out)["findings"]
    return [f"{one['path']}:{one['range']['start']['line']} {one['code']}" for one in found if one["code"][:2] != "DS"]


class TestOptions:
    def test_select_and_ignore_take_beginnings(self, run: Command):
        run.write("a.jsonl", GOOD + GOOD + "[]\n")
        assert codes(run, "a.jsonl", "--select", "jl") == ["a.jsonl:3 JL002"]
        assert codes(run, "a.jsonl", "--ignore", "JL002,DU") == []

    @pytest.mark.parametrize("option", ["--select", "--ignore"])
    def test_a_code_that_is_none_is_refused(self, run: Command, option: str):
        run.write("a.jsonl", GOOD)
        refused = run("check", "a.jsonl", option, "JL0002")
        assert (refused.code, refused.out) == (2, "")
        assert "There is no rule JL0002. Is JL002 meant?" in refused.err


class TestRecipe:
    def test_select_ignore_and_files(self, run: Command):
        run.write("data/train.jsonl", GOOD + GOOD + "\n[]\n")
        run.write("recipe.yaml", RECIPE + "    ignore: [JL003]\n    per-file-ignores: {'data/*.jsonl': [DU]}\n")
        assert codes(run, "data") == ["data/train.jsonl:4 JL002"]
        run.write("recipe.yaml", RECIPE + "    select: [JL]\n")
        assert codes(run, "data") == ["data/train.jsonl:3 JL003", "data/train.jsonl:4 JL002"]

    def test_an_empty_list_is_none(self, run: Command):
        run.write("data/train.jsonl", "[]\n")
        run.write("recipe.yaml", RECIPE + "    ignore:\n    per-file-ignores:\n    select:\n")
        assert codes(run, "data") == ["data/train.jsonl:1 JL002"]

    def test_a_recipe_may_ignore_what_is_found_in_it(self, run: Command):
        run.write("a.recipe.yaml", RC602.replace("LINT", "{ignore: [RC602]}"))
        assert codes(run, "a.recipe.yaml") == []
        files = "{per-file-ignores: {a.recipe.yaml: [RC602]}}"
        run.write("a.recipe.yaml", RC602.replace("LINT", files))
        assert codes(run, "a.recipe.yaml") == []

    @pytest.mark.parametrize(
        ("glob", "meant"),
        [
            ("data/train.jsonl", True),
            ("./data/train.jsonl", True),
            ("data/*.jsonl", True),
            ("data/tr?in.jsonl", True),
            ("data/[st]rain.jsonl", True),
            ("data/[!s]rain.jsonl", True),
            ("**/train.jsonl", True),
            ("data/**", True),
            ("**", True),
            ("train.jsonl", True),
            ("*.jsonl", True),
            ("*/*.jsonl", True),
            ("data", False),
            ("*.json", False),
            ("da*.jsonl", False),
            ("./train.jsonl", False),
            ("x/**/train.jsonl", False),
            ("data/[!t]rain.jsonl", False),
            ("data/train.jsonl.bak", False),
            ("data/[z-a]", False),
        ],
    )
    def test_globs(self, glob: str, meant: bool):
        assert matches(glob, Path("/w/data/train.jsonl"), Path("/w/recipe.yaml")) is meant

    def test_globs_reach_outside_of_the_folder(self):
        assert matches("../data/*", Path("/w/data/a.jsonl"), Path("/w/recipes/recipe.yaml"))


class TestUnusedIgnores:
    """RC623; what it finds is in its fixtures."""

    @pytest.fixture
    def unused(self, run: Command) -> Command:
        run.write("data/train.jsonl", GOOD)
        run.write("recipe.yaml", RECIPE + "    ignore: [JL003]\n")
        return run

    def test_known_when_all_files_are_there(self, unused: Command):
        assert "recipe.yaml:6 RC623" in codes(unused, ".")
        assert "recipe.yaml:6 RC623" in codes(unused, "recipe.yaml", "data/train.jsonl")
        assert codes(unused, ".", "--select", "RC623") == ["recipe.yaml:6 RC623"]

    @pytest.mark.parametrize("paths", [["recipe.yaml"], ["data"]])
    def test_not_known_when_some_are_missing(self, unused: Command, paths: list[str]):
        assert not [code for code in codes(unused, *paths) if "RC623" in code]

    def test_what_a_rule_that_is_not_selected_would_find_is_a_use(self, unused: Command):
        unused.write("data/train.jsonl", GOOD + "\n")
        assert codes(unused, ".", "--select", "RC623") == []

    def test_not_known_while_errors_keep_rules_from_looking(self, unused: Command):
        unused.write("data/train.jsonl", GPT + "[]\n")
        assert not [code for code in codes(unused, ".") if "RC623" in code]

    def test_not_known_without_the_tokenizer(self, unused: Command):
        unused.write("recipe.yaml", RECIPE.replace("smollm2-135m-instruct", "who/knows") + "    ignore: [JL003]\n")
        assert not [code for code in codes(unused, ".") if "RC623" in code]


class TestBaseline:
    def test_today_is_quiet_and_tomorrow_is_not(self, run: Command):
        path = run.write("a.jsonl", GOOD + UNFINISHED + "[]\n")
        written = run("check", "a.jsonl", "--update-baseline")
        assert written.code == 0
        assert written.out.startswith("Wrote ")
        assert "2 findings to be quiet about, 2 of them new; 0 are gone." in written.out
        quiet = run("check", "a.jsonl", "--fail-on", "hint")
        assert quiet.code == 0
        assert "2 more are in the baseline." in quiet.out
        path.write_text("{}\n" + UNFINISHED.replace('", ', '",') + GOOD + "[]\n" + UNFINISHED.replace("one", "two"))
        assert codes(run, "a.jsonl") == ["a.jsonl:1 SF101", "a.jsonl:5 SF111"], "moved and laid out in another way"
        assert len(codes(run, "a.jsonl", "--no-baseline")) == 4

    def test_an_edited_sample_is_a_new_one(self, run: Command):
        path = run.write("a.jsonl", UNFINISHED)
        run("check", "a.jsonl", "--update-baseline")
        path.write_text(UNFINISHED.replace("one", "two"))
        done = run("check", "a.jsonl")
        assert done.code == 1
        assert ".lintune-baseline.json has 1 entry for what is not found any more" in done.err
        assert "Update it: lintune check a.jsonl --update-baseline" in done.err

    def test_a_second_copy_is_a_new_finding(self, run: Command):
        path = run.write("a.jsonl", UNFINISHED)
        run("check", "a.jsonl", "--update-baseline", "--select", "SF")
        path.write_text(UNFINISHED * 2)
        assert codes(run, "a.jsonl", "--select", "SF") == ["a.jsonl:2 SF111"]

    def test_an_ignore_in_the_sample_changes_nothing(self, run: Command):
        path = run.write("a.jsonl", UNFINISHED)
        run("check", "a.jsonl", "--update-baseline")
        path.write_text(UNFINISHED.replace("}", ', "_lintune_ignore": ["SF118"]}'))
        assert codes(run, "a.jsonl", "--ignore", "DS") == []

    def test_it_is_made_to_be_committed(self, run: Command):
        run.write("b/b.jsonl", "[]\n[1]\n")
        run.write("a.jsonl", UNFINISHED + "{}\n")
        run("check", ".", "--update-baseline")
        path = run.folder / ".lintune-baseline.json"
        content = json.loads(path.read_text())
        assert list(content) == ["version", "files"]
        assert list(content["files"]) == ["a.jsonl", "b/b.jsonl"]
        assert list(content["files"]["a.jsonl"]) == sorted(content["files"]["a.jsonl"])
        assert content["files"]["b/b.jsonl"]["JL002"] == sorted(content["files"]["b/b.jsonl"]["JL002"])
        assert path.read_text().endswith("}\n")
        before = path.read_bytes()
        run("check", "b", "a.jsonl", "--update-baseline")
        assert path.read_bytes() == before

    def test_only_what_was_looked_at_is_updated(self, run: Command):
        a, b = run.write("a.jsonl", UNFINISHED + "[]\n"), run.write("b.jsonl", "[]\n")
        run("check", ".", "--update-baseline")
        a.write_text(GOOD)
        b.write_text(GOOD)
        done = run("check", "a.jsonl", "--update-baseline", "--select", "JL")
        assert "0 findings to be quiet about, 0 of them new; 1 are gone" in done.out
        files = json.loads((run.folder / ".lintune-baseline.json").read_text())["files"]
        assert list(files["a.jsonl"]) == ["SF111"]
        assert list(files["b.jsonl"]) == ["JL002"]

    def test_files_that_are_gone_leave_it(self, run: Command):
        a = run.write("a.jsonl", UNFINISHED)
        run.write("b.jsonl", "[]\n")
        run("check", ".", "--update-baseline")
        a.unlink()
        run("check", ".", "--update-baseline")
        assert list(json.loads((run.folder / ".lintune-baseline.json").read_text())["files"]) == ["b.jsonl"]

    def test_stands_beside_the_recipe(self, run: Command, monkeypatch: pytest.MonkeyPatch):
        run.write("project/recipe.yaml", RECIPE.replace("lintune:\n  lint:\n", ""))
        run.write("project/data/train.jsonl", GPT)
        run("check", "project", "--update-baseline")
        assert (run.folder / "project/.lintune-baseline.json").is_file()
        assert codes(run, "project/data/train.jsonl") == []
        monkeypatch.chdir(run.folder / "project" / "data")
        assert codes(run, "train.jsonl") == []

    def test_a_finding_about_the_whole_file_is_known_by_its_rule(self, run: Command):
        path = run.write("a.jsonl", "[\n" + GOOD + "]\n")
        assert codes(run, "a.jsonl") == ["a.jsonl:1 JL005"]
        run("check", "a.jsonl", "--update-baseline")
        path.write_text("[\n" + GPT + "]\n")
        assert codes(run, "a.jsonl") == []

    def test_recipes_have_one_too(self, run: Command):
        path = run.write("recipe.yaml", "base_model: x/y\ndatasets: []\nlora_aplha: 3\n")
        run("check", ".", "--update-baseline")
        path.write_text("base_model: x/y\ndatasets: []\n# more\nlora_aplha: 3\nlora_x: 3\n")
        assert codes(run, "recipe.yaml") == ["recipe.yaml:5 RC602"]

    @pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 1, "files": {"a.jsonl": {"JL002": [1]}}}'])
    def test_one_that_cannot_be_read(self, run: Command, content: str):
        path = run.write("a.jsonl", "[]\n")
        run.write(".lintune-baseline.json", content)
        refused = run("check", "a.jsonl")
        assert refused.code == 2
        assert "is no baseline that can be read" in refused.err
        assert codes(run, "a.jsonl", "--no-baseline") == ["a.jsonl:1 JL002"]
        assert [one.code for one in DatasetLinter(path, context_for(path)).check("[]\n")] == ["JL002"]

    def test_one_of_a_newer_version(self, run: Command):
        run.write("a.jsonl", "[]\n")
        run.write(".lintune-baseline.json", '{"version": 2, "files": {}}')
        assert "which a newer Lintune has written" in run("check", "a.jsonl").err

    def test_nothing_found_needs_none(self, run: Command):
        run.write("a.jsonl", GOOD)
        assert "no baseline to write" in run("check", "a.jsonl", "--update-baseline", "--ignore", "DS").out
        assert not (run.folder / baseline.NAME).exists()

    def test_the_editor_honours_it(self, run: Command):
        text = GPT + "[]\n"
        path = run.write("a.jsonl", text)
        run("check", "a.jsonl", "--update-baseline")
        linter = DatasetLinter(path, context_for(path))
        assert linter.check(text) == []
        assert [finding.code for finding in linter.check("[2]\n" + text)] == ["JL002"]
