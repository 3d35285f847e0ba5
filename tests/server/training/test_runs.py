"""Reading run directories, whole and broken ones."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from lintune_schemas import events
from lintune_schemas import runs as run_files
from lintune_schemas.events import (
    Event,
    Progress,
    RunCancelled,
    RunFailed,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
    Stage,
    StageChanged,
    StageState,
)
from lintune_server.training import runs
from lintune_server.training.runs import RunState

NO_PID = 2**22 + 1
"""Above the largest process id of Linux."""


def write(recipe: Path, name: str, *later: Event, pid: int = NO_PID, of: str | None = None) -> Path:
    folder = run_files.runs_folder(recipe.parent) / name
    folder.mkdir(parents=True)
    started = RunStarted(
        run=name,
        recipe=of or str(recipe),
        run_dir=str(folder),
        pid=pid,
        base_model="m",
        samples=1,
        eval_samples=0,
        trained_tokens=1,
        total_steps=1,
        device="cpu",
    )
    lines = b"".join(events.encode(event) + b"\n" for event in (started, *later))
    (folder / run_files.EVENTS).write_bytes(lines)
    run_files.write_dataset_lock(folder, run_files.DatasetLock(f"fingerprint of {name}"))
    return folder


def finished(name: str, model: str | None = None) -> RunFinished:
    return RunFinished(run=name, seconds=1, eval_loss_before=None, eval_loss_after=None, model=model)


def test_states(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    assert runs.read(write(recipe, "1", finished("1"))).state is RunState.FINISHED
    assert runs.read(write(recipe, "2", RunFailed(run="2", message="x"))).state is RunState.FAILED
    assert runs.read(write(recipe, "3", RunCancelled(run="3", step=1))).state is RunState.CANCELLED
    assert runs.read(write(recipe, "4")).state is RunState.DEAD
    assert runs.read(write(recipe, "6", RunPaused(run="6", step=1))).state is RunState.PAUSED


@pytest.fixture
def trainer() -> Iterator[int]:
    """The number of a process that looks like a trainer."""
    command = [sys.executable, "-c", "input()", "lintune_trainer"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        yield process.pid
        process.kill()


def test_a_run_goes_on_while_its_trainer_holds_the_lock(tmp_path: Path, trainer: int) -> None:
    recipe = tmp_path / "recipe.yaml"
    folder = write(recipe, "1", pid=trainer)
    assert runs.read(folder).state is RunState.DEAD, "somebody has its number by now"
    with FileLock(run_files.train_lock(tmp_path)):
        assert runs.read(folder).state is RunState.RUNNING
        at_work = runs.at_work(tmp_path)
        assert at_work is not None
        assert (at_work.name, at_work.pid) == ("1", trainer)
        assert runs.read(write(recipe, "2", pid=os.getpid())).state is RunState.DEAD, "that is no trainer"
    assert runs.at_work(tmp_path) is None


def test_a_run_that_was_resumed_has_another_process(tmp_path: Path, trainer: int) -> None:
    recipe = tmp_path / "recipe.yaml"
    folder = write(recipe, "1", RunPaused(run="1", step=1), RunResumed(run="1", pid=trainer, step=1))
    with FileLock(run_files.train_lock(tmp_path)):
        assert runs.read(folder).state is RunState.RUNNING
    assert runs.read(folder).can_be_resumed


def test_a_run_that_has_just_begun_goes_on_while_the_lock_is_held(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    begins, older = write(recipe, "2"), write(recipe, "1")
    stage = StageChanged(run="", stage=Stage.PREPARE, state=StageState.STARTED)
    for folder in (begins, older):
        (folder / run_files.EVENTS).write_bytes(events.encode(stage) + b"\n")
    assert runs.read(begins).state is RunState.DEAD
    with FileLock(run_files.train_lock(tmp_path)):
        assert runs.read(begins).state is RunState.RUNNING
        assert runs.read(older).state is RunState.DEAD


def test_how_far_a_run_came(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    progress = Progress(
        run="1", step=7, total_steps=9, epoch=1, loss=1, learning_rate=1, tokens_per_second=1, eta_seconds=1
    )
    assert runs.read(write(recipe, "1", progress)).place == "after step 7 of 9"
    assert runs.read(write(recipe, "2")).place == "before its first step"


def test_the_last_finished_run_of_the_recipe(tmp_path: Path) -> None:
    recipe, other = tmp_path / "recipe.yaml", tmp_path / "other.recipe.yaml"
    assert runs.last_finished(recipe) is None
    write(recipe, "20260101-a", finished("20260101-a"))
    write(recipe, "20260102-b", finished("20260102-b"))
    write(recipe, "20260103-c", RunFailed(run="c", message="x"))
    write(recipe, "20260104-d", finished("20260104-d"), of=str(other))
    last = runs.last_finished(recipe)
    assert last is not None
    assert last.name == "20260102-b"
    assert last.fingerprint == "fingerprint of 20260102-b"
    assert [run.name for run in runs.of_recipe(recipe)] == ["20260103-c", "20260102-b", "20260101-a"]


def test_the_model_is_named_only_while_its_file_is_there(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    folder = write(recipe, "1", finished("1", "model-q4_k_m.gguf"))
    assert runs.read(folder).model is None
    (folder / "model-q4_k_m.gguf").write_bytes(b"GGUF")
    assert runs.read(folder).model == folder / "model-q4_k_m.gguf"


def test_damaged_records_are_read_as_far_as_they_go(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    folder = write(recipe, "1", finished("1"))
    (folder / run_files.DATASET_LOCK).write_text("{")
    record = folder / run_files.EVENTS
    record.write_bytes(record.read_bytes()[:-20])  # killed while it wrote its last line
    run = runs.read(folder)
    assert (run.state, run.fingerprint) == (RunState.DEAD, None)
    record.write_bytes(b"not json\n")
    assert runs.read(folder).state is RunState.DEAD
    (run_files.runs_folder(tmp_path) / "no events").mkdir()
    assert runs.last_finished(recipe) is None
