"""Runs that do not reach their end: killed, stopped, out of disk, without a network."""

import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from lintune_schemas import atomic, events, runs
from lintune_schemas.events import CheckpointSaved, Progress, RunCancelled, RunFailed, RunFinished

from .trainer_process import only_run, run, run_directories, start_and_wait_for, train

pytestmark = pytest.mark.slow


@pytest.fixture
def lamps(lamps: Path, small_model: Path) -> Path:
    """The lamps with a small random model, without evaluation and export."""
    recipe = lamps / "recipe.yaml"
    values = yaml.safe_load(recipe.read_text())
    values |= {"base_model": str(small_model), "test_datasets": [], "lintune": {"export": {"gguf": []}}}
    recipe.write_text(yaml.safe_dump(values))
    return lamps


def test_a_killed_trainer_leaves_nothing_that_looks_whole(lamps: Path) -> None:
    from safetensors import safe_open

    child = start_and_wait_for(lamps, CheckpointSaved, "save_steps=1")
    child.kill()
    child.communicate()
    dead = only_run(lamps)
    assert not any((dead / name).exists() for name in ("adapter", "merged", "eval.json", "README.md"))
    assert not list(dead.glob("model-*"))
    checkpoints = list((dead / "checkpoints").glob("checkpoint-*"))
    assert checkpoints
    for checkpoint in checkpoints:
        with safe_open(checkpoint / "adapter_model.safetensors", "pt") as adapter:
            assert len(adapter.keys()) == 2 * 7 * 2  # seven matrices in each of two layers
        assert (checkpoint / "trainer_state.json").is_file()
    assert not isinstance(list(events.read(dead / runs.EVENTS))[-1], events.LAST_EVENTS)

    (dead / "checkpoints" / f"{atomic.PARTIAL_PREFIX}left").mkdir()  # as if killed while writing one
    after = train(lamps, "max_steps=1")
    assert after.code == 0, after
    assert isinstance(after.last, RunFinished)
    assert not list(runs.runs_folder(lamps).rglob(f"{atomic.PARTIAL_PREFIX}*"))
    assert len(run_directories(lamps)) == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_trainer_says_so_last(lamps: Path, number: signal.Signals) -> None:
    child = start_and_wait_for(lamps, Progress)
    child.send_signal(number)
    said, words = child.communicate(timeout=120)
    assert child.returncode == 130
    assert words == b""
    last = events.decode(said.splitlines()[-1])
    assert isinstance(last, RunCancelled)
    assert last.step >= 1
    assert list(events.read(only_run(lamps) / runs.EVENTS))[-1] == last
    assert not (only_run(lamps) / "adapter").exists()


def with_files_up_to(size: int) -> Callable[[], None]:
    """Writing more than so many bytes to a file fails, as it does on a full disk."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize(
    ("kilobytes", "what"),
    [(40, "the adapter of a checkpoint"), (110, "its optimizer"), (2000, "the merged model")],
)
def test_a_full_disk(lamps: Path, kilobytes: int, what: str) -> None:
    assignments = ("max_steps=1", "lintune.export.gguf=[f16]")
    failed = train(lamps, *assignments, before=with_files_up_to(kilobytes * 1000))
    assert failed.code == 1, what
    assert failed.words == ""
    assert isinstance(failed.last, RunFailed)
    assert failed.last.message.startswith("The disk is full. Free some space"), what
    folder = only_run(lamps)
    assert list(events.read(folder / runs.EVENTS))[-1] == failed.last
    assert not list(folder.rglob(f"{atomic.PARTIAL_PREFIX}*"))
    assert (folder / "adapter").exists() == (what == "the merged model")
    assert not (folder / "merged").exists()
    assert not list((folder / "checkpoints").glob("checkpoint-*")) or what == "the merged model"


def test_a_hub_that_cannot_be_reached(lamps: Path) -> None:
    environment = os.environ | {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0"}
    ended = run("train", lamps / "recipe.yaml", "--set", "base_model=nobody/nothing", env=environment)
    assert ended.code == 1
    assert ended.words == ""
    assert isinstance(ended.last, RunFailed)
    assert ended.last.message.startswith("nobody/nothing is not on this machine and could not be downloaded")
    assert "Check the network" in ended.last.message


def test_a_reader_that_goes_away_does_not_end_the_run(lamps: Path) -> None:
    child = start_and_wait_for(lamps, Progress, "max_steps=20")
    assert child.stdout is not None
    child.stdout.close()
    assert child.wait(timeout=300) == 0
    assert isinstance(list(events.read(only_run(lamps) / runs.EVENTS))[-1], RunFinished)
