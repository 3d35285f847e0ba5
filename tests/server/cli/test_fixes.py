"""--fix, --unsafe, --diff and --write-clean."""

from __future__ import annotations

import json
import stat
import subprocess

import pytest

from .command import GOOD, GPT, Command

UNKNOWN_BYTES = b'{"prompt": "caf\xe9", "completion": "Hello!"}\n'
NO_OBJECT = "[]\n"


def test_unsafe_fixes_are_applied_only_when_asked_for(run: Command):
    path = run.write("a.jsonl", '{"prompt": "half \\ud83d", "completion": "Hello!"}\n')
    before = path.read_text()
    safe = run("check", "a.jsonl", "--fix", "--select", "JL")
    assert (safe.code, path.read_text()) == (1, before)
    assert "1 can be mended with --fix --unsafe" in safe.out
    diff = run("check", "a.jsonl", "--diff", "--unsafe", "--select", "JL")
    assert (diff.code, path.read_text()) == (1, before)
    assert "+{" in diff.out
    unsafe = run("check", "a.jsonl", "--fix", "--unsafe", "--select", "JL")
    assert (unsafe.code, path.read_text()) == (0, before.replace("\\ud83d", "\\ufffd"))
    assert unsafe.out.startswith("Mended 1. Nothing found.")


def test_unsafe_alone_is_refused(run: Command):
    run.write("a.jsonl", GOOD)
    refused = run("check", "a.jsonl", "--unsafe")
    assert (refused.code, refused.out) == (2, "")
    assert "--unsafe goes with --fix or --diff" in refused.err


def test_only_what_is_selected_and_new_is_mended(run: Command):
    path = run.write("a.jsonl", GPT + "\n" + GPT.replace("Hi", "Ho"))
    run("check", "a.jsonl", "--fix", "--select", "JL003")
    assert path.read_text() == GPT + GPT.replace("Hi", "Ho")
    run("check", "a.jsonl", "--update-baseline")
    run("check", "a.jsonl", "--fix")
    assert path.read_text() == GPT + GPT.replace("Hi", "Ho")
    run("check", "a.jsonl", "--fix", "--no-baseline")
    assert "gpt" not in path.read_text()


def test_the_mode_is_kept_and_links_are_followed(run: Command):
    path = run.write("real/a.jsonl", GPT)
    path.chmod(0o640)
    link = run.folder / "a.jsonl"
    link.symlink_to(path)
    assert run("check", "a.jsonl", "--fix").code == 0
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert path.read_text() == GPT.replace("gpt", "assistant")
    assert [item.name for item in path.parent.iterdir()] == ["a.jsonl"]


def test_nothing_to_mend_writes_nothing(run: Command):
    path = run.write("a.jsonl", GOOD)
    before = path.stat()
    run("check", "a.jsonl", "--fix")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_diff_is_one_that_patch_applies(run: Command):
    lines = [GOOD.replace("Hi", f"Hi {number}") for number in range(30)]
    lines[3] = GPT
    lines[10] = "\n"
    lines[29] = lines[29].rstrip("\n")
    path = run.write("a.jsonl", "".join(lines))
    diff = run("check", "a.jsonl", "--diff", "--ignore", "DU,SF102")
    assert diff.code == 1
    (run.folder / "a.diff").write_text(diff.out)
    subprocess.run(["git", "apply", "-p0", "a.diff"], cwd=run.folder, check=True)
    patched = path.read_bytes()
    run.write("a.jsonl", "".join(lines))
    run("check", "a.jsonl", "--fix", "--ignore", "DU,SF102")
    assert path.read_bytes() == patched


def test_a_diff_shows_no_more_than_what_changes(run: Command):
    lines = [GOOD.replace("Hi", f"Hi {number}") for number in range(30)]
    run.write("a.jsonl", "".join([*lines[:15], "\n", *lines[15:]]))
    diff = run("check", "a.jsonl", "--diff")
    assert diff.out.splitlines()[:3] == ["--- a.jsonl", "+++ a.jsonl", "@@ -13,7 +13,6 @@"]
    assert len(diff.out.splitlines()) == 3 + 7
    assert "1 change to make" in diff.err


def test_a_diff_of_a_clean_file_is_empty(run: Command):
    run.write("a.jsonl", GOOD)
    diff = run("check", "a.jsonl", "--diff")
    assert (diff.code, diff.out) == (0, "")


def test_a_diff_leaves_no_files(run: Command):
    run.write("a.jsonl", GPT)
    run("check", "a.jsonl", "--diff")
    assert [path.name for path in run.folder.iterdir()] == ["a.jsonl"]


def test_recipes_are_mended_too(run: Command):
    path = run.write("recipe.yaml", "base_model: x/y  # mine\r\ndatasets: []\r\nlora_aplha: 32\r\n")
    run("check", "recipe.yaml", "--fix")
    assert path.read_bytes() == b"base_model: x/y  # mine\r\ndatasets: []\r\nlora_alpha: 32\r\n"


class TestWriteClean:
    def test_splits_a_data_set_and_loses_nothing(self, run: Command):
        text = GOOD + NO_OBJECT + '{"prompt": "a b", "completion": "c"}\n' + '{"prompt": "x", '
        path = run.write("a.jsonl", text)
        done = run("check", "a.jsonl", "--write-clean", "clean.jsonl")
        assert done.code == 1
        assert "wrote 2 samples to clean.jsonl, 2 with errors to clean.rejected.jsonl" in done.err
        assert (run.folder / "clean.jsonl").read_text() == GOOD + '{"prompt": "a b", "completion": "c"}\n'
        rejected = [json.loads(line) for line in (run.folder / "clean.rejected.jsonl").read_text().splitlines()]
        assert [(one["line"], one.get("sample"), one.get("text")) for one in rejected] == [
            (2, [], None),
            (4, None, '{"prompt": "x", '),
        ]
        assert rejected[0]["findings"][0]["code"] == "JL002"
        assert path.read_text() == text

    def test_the_sample_stands_there_as_it_was_written(self, run: Command):
        raw = '{"messages":[{"role":"gpt","content":"caf\\u00e9 1E400"}],"n":12345678901234567890123}'
        run.write("a.jsonl", f"{raw}\n")
        run("check", "a.jsonl", "--write-clean", "clean.jsonl")
        assert f'"sample": {raw}}}\n' in (run.folder / "clean.rejected.jsonl").read_text()

    def test_bytes_that_are_no_utf_8_come_back(self, run: Command):
        (run.folder / "a.jsonl").write_bytes(GOOD.encode() + UNKNOWN_BYTES)
        run("check", "a.jsonl", "--write-clean", "clean.jsonl")
        (line,) = (run.folder / "clean.rejected.jsonl").read_text().splitlines()
        assert json.loads(line)["text"].encode("utf-8", "surrogateescape") == UNKNOWN_BYTES.rstrip(b"\n")

    def test_warnings_are_no_reason_to_reject(self, run: Command):
        run.write("a.jsonl", GOOD + GOOD)
        run("check", "a.jsonl", "--write-clean", "clean.jsonl")
        assert (run.folder / "clean.jsonl").read_text() == GOOD + GOOD
        assert (run.folder / "clean.rejected.jsonl").read_text() == ""

    def test_after_fixing(self, run: Command):
        run.write("a.jsonl", GPT + NO_OBJECT)
        run("check", "a.jsonl", "--fix", "--write-clean", "clean.jsonl")
        assert (run.folder / "clean.jsonl").read_text() == GPT.replace("gpt", "assistant")

    @pytest.mark.parametrize(
        ("target", "words"),
        [
            ("a.jsonl", "is the data set itself"),
            ("link.jsonl", "is the data set itself"),
            ("b.jsonl", "b.rejected.jsonl is the data set itself"),
            ("sub", "sub is a folder"),
            ("none/a.jsonl", "There is no folder none"),
        ],
    )
    def test_refuses(self, run: Command, target: str, words: str):
        data = "b.rejected.jsonl" if target == "b.jsonl" else "a.jsonl"
        path = run.write(data, NO_OBJECT)
        (run.folder / "link.jsonl").symlink_to(path)
        (run.folder / "sub").mkdir()
        refused = run("check", data, "--write-clean", target)
        assert (refused.code, refused.out) == (2, "")
        assert words in refused.err
        assert path.read_text() == NO_OBJECT

    def test_takes_one_data_set(self, run: Command):
        run.write("a.jsonl", GOOD)
        run.write("b.jsonl", GOOD)
        assert "takes one data set, and there are 2" in run("check", ".", "--write-clean", "c.jsonl").err

    def test_what_is_no_json_lines_is_not_split(self, run: Command):
        run.write("a.jsonl", "[\n" + GOOD + "]\n")
        done = run("check", "a.jsonl", "--write-clean", "clean.jsonl")
        assert done.code == 2
        assert "is no JSON Lines file" in done.err
        assert not (run.folder / "clean.jsonl").exists()
