"""Runs that rest and go on: paused, stopped, killed; whatever became of their files meanwhile."""

import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from lintune_schemas import events, history, run_evaluation, runs
from lintune_schemas.events import Progress, RunCancelled, RunFinished, RunPaused, RunResumed, StageChanged
from lintune_trainer import checkpoints

from .trainer_process import Ended, command, only_run, run, train

pytestmark = pytest.mark.long


@pytest.fixture
def lamps(lamps: Path, small_model: Path) -> Path:
    """The lamps with a small random model, a checkpoint every second step of sixteen, and no export."""
    recipe = lamps / "recipe.yaml"
    values = yaml.safe_load(recipe.read_text())
    values |= {"base_model": str(small_model), "num_epochs": 4, "save_steps": 2, "lora_dropout": 0.1}
    recipe.write_text(yaml.safe_dump(values | {"lintune": {"export": {"gguf": []}}}))
    return lamps


def paused_at(folder: Path, step: int, *assignments: str) -> Ended:
    """Train, and ask for a pause when a step was reported."""
    options = [part for assignment in assignments for part in ("--set", assignment)]
    child = subprocess.Popen(
        command("train", folder / "recipe.yaml", *options),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdin and child.stdout and child.stderr
    seen = []
    for line in child.stdout:
        seen.append(events.decode(line))
        if isinstance(seen[-1], Progress) and seen[-1].step == step:
            child.stdin.write(b"pause\n")
            child.stdin.flush()
    return Ended(child.wait(), seen, child.stderr.read().decode())


def resume(folder: Path, name: str = "latest") -> Ended:
    return run("train", folder / "recipe.yaml", "--resume", name)


def curve(folder: Path) -> list[float]:
    (newest, *_) = runs.run_directories(folder)
    return [made.loss for made in history.of(runs.read_events(newest)).progress]


def test_a_pause_writes_a_checkpoint_and_resuming_ends_as_without(lamps: Path, tmp_path: Path) -> None:
    whole = Path(shutil.copytree(lamps, tmp_path / "whole"))
    assert train(whole).code == 0
    rested = paused_at(lamps, 5)
    assert rested.code == 0, rested.words
    assert isinstance(rested.last, RunPaused)
    assert 5 <= rested.last.step <= 15
    newest = checkpoints.newest(checkpoints.folder_of(only_run(lamps)))
    assert checkpoints.step_of(newest) == rested.last.step, "nothing that was trained is lost"
    ended = resume(lamps)
    assert ended.code == 0, ended.words
    assert ended.of(RunResumed)[0].step == rested.last.step
    assert isinstance(ended.last, RunFinished)
    assert len(curve(lamps)) == 16
    assert curve(lamps) == pytest.approx(curve(whole), abs=1e-6), "same samples in the same order, same dropout"
    adapters = [(only_run(folder) / "adapter" / "adapter_model.safetensors").read_bytes() for folder in (lamps, whole)]
    assert adapters[0] == adapters[1]


def test_the_end_of_the_input_is_no_pause(lamps: Path) -> None:
    ended = subprocess.run(
        command("train", lamps / "recipe.yaml"), stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert ended.returncode == 0, ended.stderr.decode()


def test_data_that_was_edited_or_deleted_is_trained_on_as_it_was(lamps: Path, tmp_path: Path) -> None:
    whole = Path(shutil.copytree(lamps, tmp_path / "whole"))
    assert train(whole).code == 0
    assert isinstance(paused_at(lamps, 3).last, RunPaused)
    (lamps / "eval.jsonl").unlink()
    (lamps / "train.jsonl").write_text('{"messages": [{"role": "user", "content": "other"}]}\n')
    ended = resume(lamps, only_run(lamps).name)
    assert ended.code == 0, ended.words
    assert curve(lamps) == pytest.approx(curve(whole), abs=1e-6)
    results, of_whole = (run_evaluation.read(only_run(folder)) for folder in (lamps, whole))
    assert results and of_whole
    assert [one.base for one in results.each] == [one.base for one in of_whole.each], "the first process measured it"
    assert len(results.each) == 8
    assert all(one.base and one.tuned and one.mark for one in results.each)


def test_the_recipe_of_then_counts(lamps: Path) -> None:
    assert isinstance(paused_at(lamps, 3).last, RunPaused)
    text = (lamps / "recipe.yaml").read_text()
    (lamps / "recipe.yaml").write_text(text.replace("num_epochs: 4", "num_epochs: 1"))
    assert resume(lamps).code == 0
    assert len(curve(lamps)) == 16


def test_after_it_ran_out_of_memory_it_goes_on_with_less(lamps: Path) -> None:
    assert isinstance(paused_at(lamps, 5).last, RunPaused)
    before = curve(lamps)
    less = ("--set", "micro_batch_size=2", "--set", "gradient_accumulation_steps=4")
    ended = run("train", lamps / "recipe.yaml", "--resume", "latest", *less)
    assert ended.code == 0, ended.words
    assert curve(lamps)[: len(before)] == before
    assert len(curve(lamps)) == 16
    assert "micro_batch_size: 2" in (only_run(lamps) / runs.RECIPE_LOCK).read_text()


def test_a_damaged_checkpoint_is_passed_over(lamps: Path) -> None:
    assert isinstance(paused_at(lamps, 7).last, RunPaused)
    before, newest = checkpoints.found(checkpoints.folder_of(only_run(lamps)))[-2:]
    optimizer = newest / "optimizer.pt"
    damaged = bytearray(optimizer.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    optimizer.write_bytes(damaged)
    ended = resume(lamps)
    assert ended.code == 0, ended.words
    assert ended.of(RunResumed)[0].step == checkpoints.step_of(before)
    assert len(curve(lamps)) == 16


def test_a_stopped_run_goes_on_at_its_last_checkpoint(lamps: Path) -> None:
    child = subprocess.Popen(command("train", lamps / "recipe.yaml"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    for line in child.stdout:
        event = events.decode(line)
        if isinstance(event, Progress) and event.step == 5:
            child.terminate()
            break
    child.communicate()
    assert isinstance(runs.read_events(only_run(lamps))[-1], RunCancelled)
    ended = resume(lamps)
    assert ended.code == 0, ended.words
    assert ended.of(RunResumed)[0].step >= 4
    assert len(curve(lamps)) == 16


def test_what_is_done_is_not_done_again(lamps: Path) -> None:
    """The base model is evaluated once, and a run that is trained is not trained again."""
    assert train(lamps).code == 0
    folder = only_run(lamps)
    kept = [line for line in (folder / runs.EVENTS).read_bytes().splitlines() if b"run_finished" not in line]
    (folder / runs.EVENTS).write_bytes(b"\n".join(kept) + b"\n")
    ended = resume(lamps)
    assert ended.code == 0, ended.words
    assert [event.stage.value for event in ended.of(StageChanged) if event.state == "started"] == ["prepare"]
    figures = json.loads((folder / "eval.json").read_text())
    assert [one["kind"] for one in figures["evaluations"]].count("baseline") == 1


@pytest.mark.parametrize(
    ("wanted", "words"),
    [("latest", "no run of recipe.yaml to resume"), ("20260101T000000Z-01234567", "no run of recipe.yaml")],
)
def test_without_runs(lamps: Path, wanted: str, words: str) -> None:
    ended = resume(lamps, wanted)
    assert (ended.code, ended.events) == (2, [])
    assert words in ended.words


def test_what_cannot_go_on(lamps: Path) -> None:
    assert train(lamps, "max_steps=1").code == 0
    folder = only_run(lamps)
    assert "is finished: there is nothing to resume" in resume(lamps).words
    assert f"has no run other; its newest is {folder.name}" in resume(lamps, "other").words
    (folder / runs.EVENTS).write_bytes(b"")
    changed = run("train", lamps / "recipe.yaml", "--resume", "latest", "--set", "max_steps=2")
    assert (changed.code, changed.events) == (2, [])
    assert "can only change micro_batch_size" in changed.words
    other = run("train", lamps / "recipe.yaml", "--resume", "latest", "--set", "micro_batch_size=4")
    assert "keeps its batch of 8 samples" in other.words
    shutil.rmtree(runs.snapshots_folder(lamps))
    assert "The copy of train.jsonl that this run was training on is gone" in resume(lamps).words


def test_copies_of_data_go_with_their_runs(lamps: Path) -> None:
    assert train(lamps, "max_steps=1").code == 0
    first = set(runs.snapshots_folder(lamps).iterdir())
    assert len(first) == 2
    text = (lamps / "train.jsonl").read_text()
    (lamps / "train.jsonl").write_text(text + text.splitlines()[0].replace("lamp", "light") + "\n")
    shutil.rmtree(only_run(lamps))
    time.sleep(1)
    assert train(lamps, "max_steps=1").code == 0
    assert len(set(runs.snapshots_folder(lamps).iterdir()) & first) == 1, "that of the evaluation samples"
