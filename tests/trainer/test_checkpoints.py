"""Checkpoints: known to be whole, the best and the newest kept, the disk's budget held."""

import shutil
from pathlib import Path

import pytest

from lintune_schemas import atomic, runs
from lintune_trainer import checkpoints


def write(run: Path, step: int, eval_loss: float | None = None, size: int = 100) -> Path:
    """A checkpoint as the Trainer leaves it, as far as its files matter here."""
    folder = checkpoints.of_step(checkpoints.folder_of(run), step)
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(bytes(size))
    (folder / "trainer_state.json").write_text("{}")
    checkpoints.seal(folder, eval_loss)
    return folder


def steps(run: Path) -> list[int]:
    return [checkpoints.step_of(checkpoint) for checkpoint in checkpoints.found(checkpoints.folder_of(run))]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path, "2")


def make_run(runs_folder: Path, name: str) -> Path:
    folder = runs_folder / name
    folder.mkdir()
    (folder / runs.EVENTS).touch()
    return folder


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "adapter_model.safetensors").write_bytes(bytes(99)),
        lambda folder: (folder / "adapter_model.safetensors").write_bytes(bytes(99) + b"x"),
        lambda folder: (folder / "trainer_state.json").unlink(),
        lambda folder: (folder / "checkpoint.json").unlink(),
        lambda folder: (folder / "checkpoint.json").write_text("{"),
        lambda folder: shutil.rmtree(folder),
    ],
    ids=["cut", "changed", "file missing", "no seal", "broken seal", "gone"],
)
def test_a_damaged_one_is_passed_over(run: Path, damage: object) -> None:
    before, newest = write(run, 9), write(run, 10)
    assert checkpoints.newest(checkpoints.folder_of(run)) == newest
    damage(newest)
    assert checkpoints.newest(checkpoints.folder_of(run)) == before


def test_without_any_there_is_none(run: Path) -> None:
    assert checkpoints.newest(checkpoints.folder_of(run)) is None
    assert checkpoints.best(checkpoints.folder_of(run)) is None
    assert checkpoints.step_of(None) == 0


def test_the_newest_and_the_best_are_kept(run: Path) -> None:
    for step, loss in ((9, 0.9), (10, 0.5), (20, 0.6), (100, 0.7), (30, None)):
        write(run, step, loss)
    checkpoints.prune(run, 2, 1e9)
    assert steps(run) == [10, 30, 100]
    assert checkpoints.best(checkpoints.folder_of(run)) == checkpoints.folder_of(run) / "checkpoint-10"


def test_over_the_budget_the_oldest_of_all_runs_go(tmp_path: Path, run: Path) -> None:
    older = make_run(tmp_path, "1")
    for folder in (older, run):
        write(folder, 1, size=1_000_000)
        write(folder, 2, size=1_000_000)
    checkpoints.prune(run, 5, 3.5e6)
    assert (steps(older), steps(run)) == ([2], [1, 2])
    checkpoints.prune(run, 5, 1)
    assert (steps(older), steps(run)) == ([], [2]), "the newest of the run that goes on is never deleted"


def test_one_loses_its_name_before_its_files(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(folder: Path) -> None:
        assert folder.name.startswith(atomic.PARTIAL_PREFIX)
        raise KeyboardInterrupt

    write(run, 1)
    write(run, 2)
    monkeypatch.setattr(checkpoints.shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.prune(run, 1, 1e9)
    assert steps(run) == [2]
