"""`lintune train` as a shell sees it, with the scripted trainer."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from lintune_schemas import runs

pytestmark = pytest.mark.usefixtures("scripted_trainer")

LINTUNE = [sys.executable, "-m", "lintune_server"]


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "train.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    path = tmp_path / "recipe.yaml"
    path.write_text("base_model: model\ndatasets:\n  - path: train.jsonl\n")
    return path


def lintune(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [*LINTUNE, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_progress_goes_to_stderr_in_plain_lines_and_the_result_to_stdout(recipe: Path) -> None:
    done = lintune("train", recipe)
    assert done.returncode == 0
    assert done.stdout == "Trained in 0:02: evaluation loss 2.000 → 0.500.\n"
    assert "training …\nstep 1/3 · loss 1.00 · 0:02 left\n" in done.stderr
    assert "\x1b" not in done.stderr


def test_json_prints_the_events_and_nothing_else(recipe: Path) -> None:
    done = lintune("train", recipe, "--json", "--set", "max_steps=3")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["event"] == "run_started"
    assert events[-1]["event"] == "run_finished"
    assert (recipe.parent / events[0]["run_dir"] / "argv").read_text() == '["--set","max_steps=3"]'


def test_a_bar_in_a_terminal(recipe: Path) -> None:
    screen, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
    process = subprocess.Popen([*LINTUNE, "train", recipe], stderr=terminal, env=environment)
    os.close(terminal)
    seen = b""
    try:
        while chunk := os.read(screen, 65_536):
            seen += chunk
    except OSError:  # how Linux says that the other end is closed
        pass
    assert process.wait(60) == 0
    assert "━".encode() in seen
    assert b"100%" in seen


@pytest.mark.parametrize(
    ("how", "code", "words"),
    [
        ("fail", 1, "Out of memory: halve micro_batch_size."),
        ("die", 1, "The trainer was killed (SIGKILL, perhaps out of memory)."),
        ("refuse", 2, "The training could not start: Another training is running here."),
    ],
)
def test_exit_codes(recipe: Path, how: str, code: int, words: str) -> None:
    recipe.with_name("behaviour").write_text(how)
    done = lintune("train", recipe)
    assert done.returncode == code
    assert words in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_no_recipe(tmp_path: Path) -> None:
    done = lintune("train", tmp_path / "recipe.yaml")
    assert done.returncode == 2
    assert "There is no recipe" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_model_that_cannot_fit_is_refused_before_anything_begins(recipe: Path) -> None:
    model = recipe.with_name("huge")
    model.mkdir()
    sizes = {"vocab_size": 128_256, "hidden_size": 16_384, "intermediate_size": 53_248, "num_hidden_layers": 126}
    heads = {"num_attention_heads": 128, "num_key_value_heads": 8}
    (model / "config.json").write_text(json.dumps({"model_type": "llama", **sizes, **heads}))
    done = lintune("train", recipe, "--set", "base_model=./huge", "--set", "adapter=lora")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Not trained: recipe.yaml:1 HW701 The training takes about" in done.stderr
    assert "To train all the same, write lintune.lint.ignore: [HW701] in the recipe." in done.stderr
    assert not recipe.with_name(".lintune").exists()
    ignored = ["--set", "lintune.lint.ignore=[HW701]"]
    assert lintune("train", recipe, "--set", "base_model=./huge", "--set", "adapter=lora", *ignored).returncode == 0


def test_a_run_that_was_stopped_is_resumed(recipe: Path) -> None:
    recipe.with_name("behaviour").write_text("die")
    died = lintune("train", recipe)
    assert f"Go on with it: lintune train {recipe} --resume latest" in died.stderr
    recipe.with_name("behaviour").write_text("finish")
    (run,) = runs.run_directories(recipe.parent)
    done = lintune("train", recipe, "--resume", "latest")
    assert done.returncode == 0
    assert msgspec.json.decode((run / "argv").read_bytes()) == ["--resume", run.name]
    assert list(runs.run_directories(recipe.parent)) == [run]
    unknown = lintune("train", recipe, "--resume", "yesterday")
    assert unknown.returncode == 2
    assert f"There is no run yesterday. There are {run.name}. See: lintune runs" in unknown.stderr


@pytest.mark.parametrize(("how", "times"), [("hang", 1), ("stubborn", 2)])
def test_ctrl_c_stops_the_run_and_a_second_one_at_once(recipe: Path, how: str, times: int) -> None:
    recipe.with_name("behaviour").write_text(how)
    process = subprocess.Popen([*LINTUNE, "train", recipe], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    while "step 1/3" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    if times == 2:
        while "Ctrl-C again" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "The training was stopped" in said
    assert f"Go on with it: lintune train {recipe} --resume latest" in said
    assert "Traceback" not in said
