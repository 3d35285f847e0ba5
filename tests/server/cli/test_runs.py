"""`lintune runs`: lists runs, and shows one."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator

from lintune_schemas import events, runs
from lintune_schemas.events import RunCancelled, RunFailed, RunPaused, RunResumed, SamplePlace, WarmStart, Warned
from lintune_server.cli import finished_run
from lintune_server.cli.terminal import cells

from .recorded import NEW, NO_PID, OLD, SCHEMAS, record, report, started, step, time, whole

if TYPE_CHECKING:
    from .command import Command, Printed

EVENT = Draft202012Validator(json.loads(SCHEMAS.joinpath("run-event.schema.json").read_text()))


def rows(printed: Printed) -> list[list[str]]:
    """The words of the lines that begin with a run's name."""
    assert printed.code == 0, printed
    return [line.split() for line in printed.out.splitlines() if line.startswith("2026")]


def test_events_of_these_tests_are_events():
    for event in whole(OLD):
        EVENT.validate(json.loads(events.encode(event)))


def test_runs_are_listed_newest_first(two: Command):
    assert [row[:7] for row in rows(two("runs"))] == [
        [NEW, "finished", "0:42", "40", "3.000", "0.300", "0.400"],
        [OLD, "finished", "0:42", "40", "3.000", "0.600", "0.700"],
    ]
    assert [row[7] for row in rows(two("runs"))] == ["75%", "75%"]


def test_the_list_as_json(two: Command):
    newest, oldest = report(two)["runs"]
    assert (newest["name"], oldest["name"]) == (NEW, OLD)
    assert newest["eval_loss"] == {"base": 3.0, "best": pytest.approx(0.3), "final": pytest.approx(0.4)}
    assert (newest["exact_match"], newest["device"], newest["began"]) == (
        0.75,
        "NVIDIA L4",
        time(0).replace(".000", ""),
    )
    written = runs.runs_folder(two.folder) / NEW
    assert newest["bytes"] == sum(path.stat().st_size for path in written.rglob("*"))


def test_every_line_of_every_page_fits_into_eighty_columns(two: Command):
    for words in ([], ["show"], ["compare"]):
        for line in two("runs", *words).out.splitlines():
            assert cells(line) <= 80 or str(two.folder) in line, line


def test_the_runs_of_a_recipe_or_of_all_in_a_folder(two: Command, monkeypatch: pytest.MonkeyPatch):
    other = "20261125T120000Z-00000000"
    record(two.folder, other, [*whole(other, recipe="other.recipe.yaml")])
    two.write("other.recipe.yaml", "base_model: smollm2-135m-instruct\n")
    assert [row[0] for row in rows(two("runs", "other.recipe.yaml"))] == [other]
    assert [row[0] for row in rows(two("runs", "recipe.yaml"))] == [NEW, OLD]
    assert [row[0] for row in rows(two("runs", "list", two.folder))] == [other, NEW, OLD]
    inside = two.folder / "data" / "deep"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    assert len(rows(two("runs"))) == 3
    assert other in two("runs", "show", "--in", str(two.folder / "other.recipe.yaml")).out


def test_without_runs_it_says_how_to_get_one(run: Command):
    printed = run("runs")
    assert (printed.code, "Train one with: lintune train" in printed.out) == (0, True)
    assert report(run)["runs"] == []
    assert run("runs", "nowhere").code == 2
    shown = run("runs", "show")
    assert (shown.code, "There is no run in" in shown.err) == (2, True)


def test_states_and_why_a_run_failed(two: Command):
    ends = {
        "20261126T01": RunFailed(run="x", time=time(42), message="The disk is full.\x1b[2J Free some space."),
        "20261126T02": RunCancelled(run="x", time=time(11 * 3600 + 120), step=1),
        "20261126T03": RunPaused(run="x", time=time(300 * 3600), step=1),
        "20261126T04": None,
    }
    for name, end in ends.items():
        record(two.folder, name, [started(name), step(name, 1, 2.0), *([end] if end else [])])
    printed = two("runs")
    assert [row[1] for row in rows(printed)[:4]] == ["dead", "paused", "cancelled", "failed"]
    assert ["300h" in printed.out, "11h 02m" in printed.out, "0:42" in printed.out] == [True] * 3
    assert all("1/40" in row for row in rows(printed)[:4])
    assert "The disk is full.·[2J Free some space." in printed.out
    assert "lintune train recipe.yaml --resume 20261126T03" in two("runs", "show", "20261126T03").out
    assert "--resume" not in two("runs", "show", "20261126T02").out


def test_a_damaged_record_is_shown_as_far_as_it_goes(two: Command):
    path = runs.runs_folder(two.folder) / NEW / runs.EVENTS
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:10], b'{"event": "of another time"}\n', *lines[10:]]))
    for words in ([], ["show"], ["compare"]):
        assert "Behind its first 10 lines, events.jsonl is damaged, or of a newer Lintune." in two("runs", *words).out
    found = report(two, "show", NEW)
    assert (found["run"]["state"], found["run"]["step"], len(found["curve"]["train"])) == ("dead", 8, 8)
    path.write_bytes(b"\x00\xff" * 50 + b"\n")
    assert report(two)["runs"][0]["damage"]
    path.write_bytes(b"")
    assert report(two)["runs"][0]["base_model"] is None
    assert "dead" in two("runs", "show", NEW).out


def test_a_record_of_an_older_version_lacks_what_is_new(two: Command):
    folder = runs.runs_folder(two.folder) / NEW
    older = []
    for line in (folder / runs.EVENTS).read_bytes().splitlines():
        event = json.loads(line)
        for key in ("backend", "warm_start", "grad_norm", "memory_bytes", "token_accuracy", "exact_match", "best"):
            event.pop(key, None)
        older.append(json.dumps(event))
    (folder / runs.EVENTS).write_text("\n".join(older) + "\n")
    (folder / runs.RECIPE_LOCK).write_text("base_model: smollm2-135m-instruct\nlearning_rate: 1.0e-3\nlora_r: 8\n")
    (folder / runs.DATASET_LOCK).write_text('{"fingerprint": "f", "train": [], "test": []}')
    assert [row[7] for row in rows(two("runs"))] == ["-", "75%"]
    found = report(two, "compare")
    changed = {change["key"] for change in found["recipe"]}
    assert {"learning_rate", "lora_r"} <= changed
    assert not {"sample_packing", "lintune.backend", "seed"} & changed  # as they are by default


def test_a_run_is_named_in_many_ways(two: Command, monkeypatch: pytest.MonkeyPatch):
    directory = f".lintune/runs/{OLD}"
    for word in (OLD, "20261125T09", "b296", "latest~1", directory, str(two.folder / directory)):
        assert report(two, "show", word)["run"]["name"] == OLD, word
    for word in ("latest", "latest~0", "a3"):
        assert report(two, "show", word)["run"]["name"] == NEW, word
    monkeypatch.chdir("/")
    assert report(two, "show", "latest", "--in", str(two.folder))["run"]["name"] == NEW


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("20261125", f"20261125 fits 2 runs: {NEW}, {OLD}. Give more of the name."),
        ("zebra", "There is no run zebra."),
        ("", "There is no run"),
        ("latest~2", "latest~2: there are 2 runs, of which latest~1 is the first."),
        ("latest~-1", "There is no run latest~-1."),
        ("../runs", "There is no run ../runs."),
    ],
)
def test_a_word_for_no_run_or_several(two: Command, word: str, words: str):
    printed = two("runs", "show", word)
    assert (printed.code, printed.out) == (2, "")
    assert words in printed.err


def test_a_name_that_begins_another_is_that_run(two: Command):
    again = f"{NEW}-again"
    record(two.folder, again, whole(again))
    assert report(two, "show", NEW)["run"]["name"] == NEW
    assert again in two("runs").out


def test_show(two: Command):
    lines = two("runs", "show").out.splitlines()
    assert lines[0] == f"{NEW}  finished"
    page = "\n".join(lines)
    assert "smollm2-135m-instruct, on NVIDIA L4" in page
    assert "40 of 40, 250 tokens a second, 1.0 GB of memory at the most" in page
    assert "  checkpoint       20  0.300        1.35     50%    50%         -  ★ best" in lines
    assert "  adapter                           4 kB  deleted since" in lines
    assert "● evaluation" in page
    assert "⠒" in page


def test_show_as_json(two: Command):
    found = report(two, "show", OLD)
    assert [made["kind"] for made in found["evaluations"]] == ["baseline", "checkpoint", "final"]
    assert found["curve"]["evaluation"] == [[20, 0.6], [40, 0.7]]
    assert found["curve"]["train"][:2] == [[1, 3.0], [2, 1.75]]
    assert found["checkpoints"][0] | {"time": ""} == {
        "time": "",
        "step": 20,
        "path": "checkpoints/checkpoint-20",
        "best": True,
        "there": False,
    }


def test_show_tells_of_warnings_samples_and_what_it_goes_on_from(two: Command):
    name = "20261127T000000Z-11111111"
    spike = Warned(
        run=name,
        time=time(2),
        message="The loss jumped.",
        samples=[SamplePlace("train.jsonl", 3), SamplePlace("train.jsonl", 9)],
    )
    warm = WarmStart(run=OLD, new=2, replayed=1)
    again = RunResumed(run=name, time=time(3), pid=NO_PID, step=1)
    record(two.folder, name, [started(name, warm_start=warm), step(name, 1, 2.0), spike, again, step(name, 2, 1.5)])
    page = " ".join(two("runs", "show").out.split())
    assert "! The loss jumped. (train.jsonl:3, train.jsonl:9)" in page
    assert f"warm start from {OLD}, with 2 new samples and 1 that it had seen" in page
    assert "resumed once" in page
    assert f"warm start from {OLD}" in " ".join(two("runs").out.split())


def lintune(two: Command, *words: str, encoding: str) -> bytes:
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "NO_COLOR": ""}
    environment.pop("NO_COLOR")
    command = [sys.executable, "-P", "-m", "lintune_server", "runs", *words]
    return subprocess.run(command, cwd=two.folder, env=environment, capture_output=True, check=True).stdout


@pytest.mark.parametrize("words", [[], ["show"], ["compare"]])
def test_where_there_is_no_unicode_all_is_ascii(two: Command, words: list[str]):
    assert lintune(two, *words, encoding="ascii").isascii()
    assert not lintune(two, *words, encoding="utf-8").isascii()


def test_colours_are_for_terminals(two: Command):
    assert b"\x1b" not in lintune(two, "show", encoding="utf-8")
    child, terminal = pty.fork()
    if child == 0:
        os.environ.pop("NO_COLOR", None)
        os.chdir(two.folder)
        os.execv(sys.executable, [sys.executable, "-P", "-m", "lintune_server", "runs", "show"])
    shown = b""
    while True:
        try:
            block = os.read(terminal, 65536)
        except OSError:  # how Linux says that the other side is closed
            break
        if not block:
            break
        shown += block
    os.waitpid(child, 0)
    assert b"\x1b[32m" in shown


@pytest.mark.long
def test_a_hundred_thousand_steps_are_thinned(two: Command):
    name = "20261127T000000Z-11111111"
    steps = [step(name, number, 1 + 1 / number) for number in range(1, 100_001)]
    record(two.folder, name, [started(name, total_steps=100_000), *steps])
    found = report(two, "show")
    assert found["run"]["step"] == 100_000
    assert len(found["curve"]["train"]) <= 2_000
    assert "100,000 of 100,000" in two("runs", "show").out


def test_pictures_are_svg_or_png_in_a_folder_that_is_there(two: Command):
    printed = two("runs", "show", "--plot", "loss.gif")
    assert (printed.code, "draws .svg or .png" in printed.err) == (2, True)
    printed = two("runs", "show", "--plot", "nowhere/loss.svg")
    assert (printed.code, "There is no folder nowhere" in printed.err) == (2, True)


@pytest.mark.long  # matplotlib
@pytest.mark.parametrize(("name", "begins"), [("loss.svg", b"<?xml"), ("loss.PNG", b"\x89PNG")])
def test_a_run_is_drawn_into_a_file(two: Command, name: str, begins: bytes):
    assert lintune(two, "show", "latest~1", "--plot", name, encoding="utf-8") == b""
    assert (two.folder / name).read_bytes().startswith(begins)
    assert [path.name for path in two.folder.glob(".partial-*")] == []


def test_nothing_heavy_is_imported(two: Command):
    command = [sys.executable, "-P", "-X", "importtime", "-m", "lintune_server", "runs", "show"]
    ended = subprocess.run(command, cwd=two.folder, capture_output=True, text=True, encoding="utf-8", check=True)
    loaded = {line.split("|")[-1].strip().split(".")[0] for line in ended.stderr.splitlines()}
    assert "lintune_server" in loaded
    assert not loaded & {"torch", "transformers", "matplotlib", "llama_cpp", "tokenizers", "lintune_trainer"}


def test_other_commands_take_the_same_names(two: Command):
    folder = runs.runs_folder(two.folder) / OLD
    assert finished_run.folder_of(Path("b296")) == finished_run.folder_of(folder) == folder
    assert finished_run.folder_of(Path()) == runs.runs_folder(two.folder) / NEW
    for command in ("export", "verify", "serve"):
        printed = two(command, "zebra")
        assert (printed.code, "There is no run zebra. There are" in printed.err) == (2, True)
    assert "There is no file or folder zebra.gguf." in two("serve", "zebra.gguf").err
    assert "has no model to serve" in two("serve", "latest~1").err
