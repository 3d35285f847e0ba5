"""`lintune check` as a person or a program runs it: in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

EXAMPLES = Path(__file__).parents[3] / "examples"
REPORT = json.loads(files("lintune_schemas").joinpath("json/check-report.schema.json").read_text())

GOOD = '{"prompt": "Hi", "completion": "Hello!"}\n'
GPT = '{"messages": [{"role": "user", "content": "Hi"}, {"role": "gpt", "content": "Hello!"}]}\n'


def lintune(*words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "lintune_server", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, encoding="utf-8", check=False)


def report(*words: str | Path, cwd: Path | None = None) -> dict:
    printed = lintune("check", "--output-format", "json", *words, cwd=cwd)
    found = json.loads(printed.stdout)
    Draft202012Validator(REPORT).validate(found)
    return found


@pytest.mark.parametrize("expected", sorted(EXAMPLES.glob("*/expected.json")), ids=lambda path: path.parent.name)
def test_finds_every_planted_defect_at_its_place_and_nothing_else(expected):
    planted = json.loads(expected.read_text(encoding="utf-8"))["findings"]
    names = sorted({finding["path"] for finding in planted})
    printed = lintune("check", *names, "--output-format", "json", cwd=expected.parent)
    assert (printed.returncode, printed.stderr) == (1, "")
    found = json.loads(printed.stdout)
    Draft202012Validator(REPORT).validate(found)

    def places(findings):
        return sorted(
            (
                one["path"],
                one["range"]["start"]["line"],
                one["range"]["start"]["column"],
                one["range"]["end"]["line"],
                one["range"]["end"]["column"],
                one["code"],
                one["severity"],
            )
            for one in findings
        )

    assert places(found["findings"]) == places(planted)
    for one in planted:
        start, end = one["range"]["start"], one["range"]["end"]
        line = (expected.parent / one["path"]).read_text(encoding="utf-8").split("\n")[start["line"] - 1]
        assert line[start["column"] - 1 : end["column"] - 1] == one["text"]


def test_clean_examples_are_clean():
    for workspace in sorted(path.parent for path in EXAMPLES.glob("*/data")):
        printed = lintune("check", "recipe.yaml", "data", "--fail-on", "hint", cwd=workspace)
        assert (printed.returncode, printed.stderr) == (0, "")
        assert printed.stdout.startswith("Nothing found.")


def test_the_summary_counts(tmp_path):
    (tmp_path / "a.jsonl").write_text(GOOD + GOOD + "[]\n")
    found = report("a.jsonl", "--ignore", "TK", cwd=tmp_path)
    assert found["summary"] == {"errors": 1, "warnings": 1, "infos": 0, "hints": 0}
    assert found["files"] == [
        {"path": "a.jsonl", "format": "prompt-completion", "samples": 2, "tokens": None, "trained_tokens": None}
    ]
    assert found["findings"][0]["related"] == [{"path": "a.jsonl", "line": 1, "message": "first here"}]


@pytest.mark.parametrize(("fail_on", "code"), [("error", 0), ("warning", 1), ("hint", 1)])
def test_fail_on(tmp_path, fail_on, code):
    (tmp_path / "a.jsonl").write_text(GOOD + GOOD)
    assert lintune("check", "a.jsonl", "--fail-on", fail_on, cwd=tmp_path).returncode == code


def test_select_and_ignore(tmp_path):
    (tmp_path / "a.jsonl").write_text(GOOD + GOOD + "[]\n")

    def codes(*options):
        return [finding["code"] for finding in report("a.jsonl", *options, cwd=tmp_path)["findings"]]

    assert codes("--select", "jl") == ["JL002"]
    assert codes("--ignore", "JL002,DU") == []


def test_fix_mends_what_is_safe_and_diff_only_shows_it(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(GPT + GPT + "[]\n", newline="")
    diff = lintune("check", "a.jsonl", "--diff", cwd=tmp_path)
    assert '+{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant"' in diff.stdout
    assert path.read_text() == GPT + GPT + "[]\n"
    fixed = lintune("check", "a.jsonl", "--fix", cwd=tmp_path)
    assert fixed.returncode == 1
    assert path.read_text() == GPT.replace("gpt", "assistant") + "[]\n", "the second one is a duplicate by now"
    assert [item.name for item in tmp_path.iterdir()] == ["a.jsonl"]


def test_fix_keeps_line_ends_and_links(tmp_path):
    real = tmp_path / "real.jsonl"
    real.write_bytes(GPT.replace("\n", "\r\n").encode())
    link = tmp_path / "link.jsonl"
    link.symlink_to(real)
    assert lintune("check", "link.jsonl", "--fix", cwd=tmp_path).returncode == 0
    assert link.is_symlink()
    assert real.read_bytes() == GPT.replace("gpt", "assistant").replace("\n", "\r\n").encode()


class TestBadInput:
    """One sentence that says what to do, exit code 2, no traceback; what can be checked is checked."""

    def refused(self, *words, cwd):
        printed = lintune("check", *words, cwd=cwd)
        assert printed.returncode == 2
        assert "Traceback" not in printed.stderr
        return printed

    def test_no_such_file(self, tmp_path):
        assert "There is no a.jsonl" in self.refused("a.jsonl", cwd=tmp_path).stderr

    def test_a_folder_named_as_a_data_set(self, tmp_path):
        (tmp_path / "x.jsonl").mkdir()
        assert "x.jsonl is a folder, not a file" in self.refused("x.jsonl", cwd=tmp_path).stderr

    def test_another_kind_of_file(self, tmp_path):
        (tmp_path / "a.txt").write_text("hello")
        assert "neither a data set" in self.refused("a.txt", cwd=tmp_path).stderr

    def test_a_recipe_that_is_no_utf_8(self, tmp_path):
        (tmp_path / "recipe.yaml").write_bytes("base_model: caf\u00e9".encode("latin-1"))
        assert "no UTF-8 text: byte 16" in self.refused("recipe.yaml", cwd=tmp_path).stderr

    def test_no_such_recipe(self, tmp_path):
        (tmp_path / "a.jsonl").write_text(GOOD)
        printed = self.refused("a.jsonl", "--recipe", "r.yaml", cwd=tmp_path)
        assert "There is no recipe r.yaml" in printed.stderr

    def test_recipes_that_name_each_other_and_links_in_a_circle(self, tmp_path):
        for name, other in (("a", "b"), ("b", "a")):
            text = f"base_model: x/y\nadapter: lora\ndatasets: [{{path: {other}.recipe.yaml}}, {{path: ring.jsonl}}]\n"
            (tmp_path / f"{name}.recipe.yaml").write_text(text)
        (tmp_path / "ring.jsonl").symlink_to("ring.jsonl")
        (tmp_path / "again").symlink_to(".")
        printed = self.refused(".", cwd=tmp_path)
        assert "ring.jsonl could not be read: Too many levels of symbolic links." in printed.stderr
        assert printed.stdout.count("is a recipe, not a data set") == 2

    def test_the_others_are_checked_all_the_same(self, tmp_path):
        (tmp_path / "a.jsonl").write_text("[]\n")
        printed = self.refused("a.jsonl", "b.jsonl", cwd=tmp_path)
        assert "JL002" in printed.stdout

    def test_a_full_disk_leaves_the_file_as_it_was(self, tmp_path):
        (tmp_path / "a.jsonl").write_text(GPT)
        command = f"ulimit -f 0; exec {sys.executable} -P -m lintune_server check a.jsonl --fix"
        ended = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ended.returncode == 2
        assert "a.jsonl could not be written: " in ended.stderr
        assert "Nothing was changed in it." in ended.stderr
        assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.jsonl", GPT)]


def test_an_empty_file_has_no_sample(tmp_path):
    (tmp_path / "a.jsonl").write_text("")
    found = report("a.jsonl", cwd=tmp_path)
    assert found["files"][0]["samples"] == 0
    assert [finding["code"] for finding in found["findings"]] == ["DS505"]


def test_a_folder_is_searched_for_data_sets_and_recipes(tmp_path):
    for name in ("a.jsonl", "sub/b.ndjson", "recipe.yaml", "axolotl.yml", ".hidden/c.jsonl", "node_modules/d.jsonl"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("base_model: x/y\ndatasets: [{path: a.jsonl}]\n" if name.endswith("ml") else GOOD)
    (tmp_path / "compose.yaml").write_text("services: {}\n")
    checked = [file["path"] for file in report(".", cwd=tmp_path)["files"]]
    assert checked == ["a.jsonl", "sub/b.ndjson", "axolotl.yml", "recipe.yaml"], "data sets, then recipes"


def test_control_characters_do_not_reach_the_terminal(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"prompt": "\x1b[31m\x07", "completion": "x"}\n')
    printed = lintune("check", "a.jsonl", cwd=tmp_path)
    assert "\x1b" not in printed.stdout
    assert "\x07" not in printed.stdout


def test_concise_and_github(tmp_path):
    (tmp_path / "a.jsonl").write_text("[]\n")
    concise = lintune("check", "a.jsonl", "--output-format", "concise", cwd=tmp_path).stdout
    assert concise.splitlines()[0].startswith("a.jsonl:1:1: error JL002 A sample must be")
    github = lintune("check", "a.jsonl", "--output-format", "github", cwd=tmp_path).stdout
    assert github.startswith("::error file=a.jsonl,line=1,endLine=1,col=1,endColumn=3,title=JL002::")
