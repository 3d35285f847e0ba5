"""`lintune init`: what it writes, what it asks, and what it refuses."""

from __future__ import annotations

import argparse
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from lintune_schemas import atomic, base_model
from lintune_schemas.base_model import DEMO_MODEL
from lintune_schemas.errors import LintuneError
from lintune_server.cli import init

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .command import Command

ROOT = Path(__file__).parents[3]
CHAT = "".join(
    json.dumps(
        {"messages": [{"role": "user", "content": f"What is {n} + {n}?"}, {"role": "assistant", "content": f"{2 * n}"}]}
    )
    + "\n"
    for n in range(100)
)


def recipe(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load((folder / "recipe.yaml").read_text(encoding="utf-8"))
    return values


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


class TestAnEmptyFolder:
    def test_gets_an_example_that_is_clean(self, run: Command):
        done = run("init", "new/folder")
        assert (done.code, files(run.folder / "new" / "folder")) == (
            0,
            ["data", "data/eval.jsonl", "data/train.jsonl", "recipe.yaml"],
        )
        assert "new/folder/recipe.yaml: " in done.out
        assert "Next: lintune check new/folder · lintune train new/folder/recipe.yaml" in done.out
        written = recipe(run.folder / "new" / "folder")
        assert written["base_model"] == DEMO_MODEL
        assert [entry["path"] for entry in written["test_datasets"]] == ["data/eval.jsonl"]
        checked = run("check", "new/folder", "--fail-on", "warning")
        assert checked.code == 0, checked.out

    def test_says_what_was_not_asked(self, run: Command):
        assert f"Not asked, but taken: --task extract, --model {DEMO_MODEL}" in run("init").err

    def test_nothing_is_overwritten(self, run: Command):
        run("init")
        before = {name: (run.folder / name).read_bytes() for name in files(run.folder) if name != "data"}
        done = run("init")
        assert (done.code, done.out) == (2, "")
        assert "recipe.yaml is there already, and nothing is overwritten" in done.err
        assert {name: (run.folder / name).read_bytes() for name in before} == before
        (run.folder / "recipe.yaml").unlink()
        (run.folder / "data" / "train.jsonl").unlink()
        assert "data/eval.jsonl is there already" in run("init").err
        assert files(run.folder) == ["data", "data/eval.jsonl"]


class TestData:
    def test_of_the_folder_with_the_one_to_evaluate_with(self, run: Command):
        run.write("data/train.jsonl", CHAT)
        run.write("data/eval.jsonl", CHAT.replace("What is", "Say"))
        run.write("data/other.jsonl", '{"text": "Words."}\n')
        done = run("init")
        assert done.code == 0, done.err
        assert "--from-data data/train.jsonl" in done.err
        written = recipe(run.folder)
        assert written["datasets"] == [{"path": "data/train.jsonl", "type": "chat_template"}]
        assert written["test_datasets"] == [{"path": "data/eval.jsonl", "type": "chat_template"}]
        assert "val_set_size" not in written

    def test_given_and_elsewhere(self, run: Command):
        path = run.write("elsewhere/täst set.jsonl", '{"question": "Hi?", "answer": "Ho."}\n' * 30)
        done = run("init", "here", "--from-data", path, "--task", "chat", "--model", DEMO_MODEL)
        assert (done.code, done.err) == (0, "")
        written = recipe(run.folder / "here")
        assert written["datasets"] == [
            {
                "path": "../elsewhere/täst set.jsonl",
                "type": {"field_instruction": "question", "field_output": "answer"},
            }
        ]
        assert written["val_set_size"] == 0.2

    def test_to_evaluate_with_given(self, run: Command):
        run.write("a.jsonl", CHAT)
        run.write("b.jsonl", CHAT.replace("What is", "Say"))
        run("init", "--from-data", "a.jsonl", "--eval-data", "b.jsonl")
        assert recipe(run.folder)["test_datasets"] == [{"path": "b.jsonl", "type": "chat_template"}]

    def test_of_another_format_is_not_taken_to_evaluate_with(self, run: Command):
        run.write("train.jsonl", CHAT)
        run.write("eval.jsonl", '{"text": "Words."}\n')
        run("init")
        assert "test_datasets" not in recipe(run.folder)

    def test_with_faults(self, run: Command):
        run.write("train.jsonl", CHAT + '{"messages": 3}\n')
        assert "1 sample of train.jsonl cannot be read: lintune check says why." in run("init").out


def test_the_page_shows_what_is_written(run: Command):
    shutil.copytree(ROOT / "examples" / "smart-home" / "data", run.folder / "data")
    run("init", ".", "--from-data", "data/train.jsonl", "--memory", "16")
    page = (ROOT / "docs" / "init.md").read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]
    written = (run.folder / "recipe.yaml").read_text(encoding="utf-8")
    figure = re.compile(r"at most [\d.]+ GB")  # moves as the memory model is refined
    assert figure.sub("", page) == figure.sub("", written)


def test_the_page_explains_every_flag():
    page = (ROOT / "docs" / "init.md").read_text(encoding="utf-8")
    parser = argparse.ArgumentParser(add_help=False)
    init.add_arguments(parser)
    for action in parser._actions:
        assert not action.option_strings or f"`{action.option_strings[0]}" in page, action.option_strings


class TestMachine:
    def test_of_a_gpu_that_is_not_here(self, run: Command):
        run.write("train.jsonl", CHAT)
        run("init", "--memory", "16", "--task", "chat")
        text = (run.folder / "recipe.yaml").read_text(encoding="utf-8")
        assert recipe(run.folder)["base_model"] == "Qwen/Qwen3-4B-Instruct-2507"
        assert "of the GPU's 16 GB" in text

    def test_without_a_gpu(self, run: Command):
        run.write("train.jsonl", CHAT)
        run("init", "--memory", "0")
        assert recipe(run.folder)["base_model"] == DEMO_MODEL

    @pytest.mark.parametrize("words", ["-1", "much", "1e99"])
    def test_nonsense(self, run: Command, words: str):
        with pytest.raises(SystemExit, match="2"):
            run("init", f"--memory={words}")
        assert files(run.folder) == []


BAD: dict[str, tuple[list[str], str]] = {
    "no such file": (["--from-data", "none.jsonl"], "There is no data set none.jsonl"),
    "a folder": (["--from-data", "folder"], "folder is a folder. Give one of the .jsonl files"),
    "another kind of file": (["--from-data", "words.txt"], "words.txt is no .jsonl file"),
    "an array": (["--from-data", "array.jsonl"], "array.jsonl: "),
    "nothing in it": (["--from-data", "empty.jsonl"], "empty.jsonl holds no sample"),
    "no json": (["--from-data", "prose.jsonl"], "prose.jsonl: This file is no JSON Lines"),
    "pairs": (["--from-data", "pairs.jsonl"], "pairs.jsonl holds preference pairs"),
    "into a file": (["words.txt"], "words.txt is no folder"),
    "evaluation alone": (["new", "--eval-data", "chat.jsonl"], "--eval-data needs the data set to train on"),
    "a misspelt model": (
        ["--from-data", "chat.jsonl", "--model", "Qwen/Qwen2.5-1.5B-Instrct"],
        "Qwen2.5-1.5B-Instruct",
    ),
    "no such model": (["--from-data", "chat.jsonl", "--model", "./models/mine"], "./models/mine was not found"),
    "too large a model": (
        ["--from-data", "chat.jsonl", "--model", "Qwen/Qwen2.5-7B-Instruct", "--memory", "4"],
        "Choose a smaller model",
    ),
}


@pytest.mark.parametrize(("words", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_told_in_a_sentence_and_writes_nothing(run: Command, words: list[str], message: str):
    run.write("words.txt", "words")
    run.write("folder/words.txt", "words")
    run.write("array.jsonl", '[\n  {"text": "a"},\n  {"text": "b"}\n]\n')
    run.write("empty.jsonl", "")
    run.write("prose.jsonl", "This is no JSON.\n" * 3)
    run.write("pairs.jsonl", '{"prompt": "a", "chosen": "b", "rejected": "c"}\n')
    run.write("chat.jsonl", CHAT)
    before = files(run.folder)
    done = run("init", *words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert done.err.count("\n") == 1
    assert files(run.folder) == before


def test_without_the_demo_model(run: Command, monkeypatch: pytest.MonkeyPatch):
    def find(name: str, folder: Path) -> base_model.BaseModel:
        if name == DEMO_MODEL:
            raise LintuneError("The demo model is not installed.")
        return installed(name, folder)

    installed = base_model.find
    monkeypatch.setattr(base_model, "find", find)
    assert "The demo model is not installed." in run("init", "a", "--model", DEMO_MODEL).err
    assert run("init", "b", "--memory", "0").code == 0
    assert recipe(run.folder / "b")["base_model"] == "HuggingFaceTB/SmolLM2-135M-Instruct"


def test_names_that_no_recipe_can_hold(run: Command):
    (run.folder / os.fsdecode(b"caf\xe9.jsonl")).write_text(CHAT, encoding="utf-8")
    assert "The name 'caf\\udce9.jsonl' cannot be written in a recipe" in run("init").err


def test_names_that_yaml_would_take_for_something_else(run: Command):
    run.write("a: b/#1 'x'.jsonl", CHAT)
    assert run("init").code == 0
    assert recipe(run.folder)["datasets"][0]["path"] == "a: b/#1 'x'.jsonl"
    assert run("check", ".").code == 0


def test_what_may_not_be_read_is_told(run: Command, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "secret")

    monkeypatch.setattr(init, "_target", fail)
    assert run("init").err == "lintune: secret: Permission denied.\n"


def test_a_folder_that_cannot_be_written_into(run: Command, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(init.os, "access", lambda *_: False)
    assert "cannot be written into" in run("init", "new").err
    assert files(run.folder) == []


def test_a_write_that_fails_leaves_nothing_behind(run: Command, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic, "write_bytes", fail)
    done = run("init", "new/folder")
    assert (done.code, "No space left on device" in done.err) == (2, True)
    assert files(run.folder) == []


class TestTheExample:
    def test_is_copied_whole(self, run: Command):
        assert run("init", "new", "--example").code == 0
        source = ROOT / "examples" / "smart-home"
        expected = [name for name in files(source) if not name.startswith(".lintune")]
        assert files(run.folder / "new") == expected
        name = "broken.jsonl"
        assert (run.folder / "new" / name).read_bytes() == (source / name).read_bytes()

    def test_overwrites_nothing_and_leaves_nothing_behind(self, run: Command):
        mine = run.write("recipe.yaml", "mine")
        done = run("init", ".", "--example")
        assert (done.code, "recipe.yaml is there already, and nothing is overwritten" in done.err) == (2, True)
        assert (files(run.folder), mine.read_text()) == (["recipe.yaml"], "mine")


class Person:
    """At a terminal in which `lintune init` runs."""

    def __init__(self, folder: Path) -> None:
        self.terminal, other = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "lintune_server", "init", "--memory", "24"],
            cwd=folder,
            stdin=other,
            stdout=other,
            stderr=other,
            start_new_session=True,
            # What ran the tests may have been told to ignore it, which a child would inherit.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        os.close(other)
        self.seen = ""

    def read_until(self, words: str) -> None:
        end = time.monotonic() + 60
        while words not in self.seen:
            assert time.monotonic() < end, self.seen
            if select.select([self.terminal], [], [], 1)[0]:
                try:
                    self.seen += os.read(self.terminal, 4096).decode()
                except OSError:  # how a terminal says that its last program has left
                    assert words in self.seen, self.seen

    def type(self, words: str) -> None:
        self.seen = ""
        os.write(self.terminal, words.encode())

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    (tmp_path / "train.jsonl").write_text(CHAT, encoding="utf-8")
    (tmp_path / "more.jsonl").write_text(CHAT, encoding="utf-8")
    person = Person(tmp_path)
    yield person
    person.close()


def test_a_person_chooses(person: Person, tmp_path: Path):
    person.read_until("1 to 2 [1] ")
    assert "Which data set is to be trained on?" in person.seen
    person.type("2\n")
    person.read_until("1 to 3 [1] ")
    assert "What is the model to learn?" in person.seen
    person.type("many\n")
    person.read_until("1 to 3 [1] ")
    person.type("\n")
    person.read_until("1 to 3 [1] ")
    assert "Which model is to be tuned, on 24 GB GPU?" in person.seen
    person.type("3\n")
    person.read_until("Next: ")
    assert "Not asked" not in person.seen
    assert person.process.wait(60) == 0
    written = recipe(tmp_path)
    assert written["datasets"][0]["path"] == "more.jsonl"
    assert written["base_model"] == DEMO_MODEL


@pytest.mark.parametrize("how", ["ctrl-c", "ctrl-d"])
def test_a_person_leaves_and_nothing_is_written(person: Person, tmp_path: Path, how: str):
    person.read_until("1 to 2 [1] ")
    if how == "ctrl-c":
        person.process.send_signal(signal.SIGINT)
    else:
        person.type("\x04")
    assert person.process.wait(60) == 130
    assert files(tmp_path) == ["more.jsonl", "train.jsonl"]
