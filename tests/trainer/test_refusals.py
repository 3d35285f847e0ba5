"""What cannot start says so in one sentence on standard error, exits with 2 and leaves no run behind."""

import ctypes
import os
from pathlib import Path

import pytest

from lintune_trainer import workspace

from .trainer_process import Ended, run, run_directories, train


def assert_refused(ended: Ended, folder: Path, *named: str) -> None:
    assert ended.code == 2
    assert not ended.events
    assert len(ended.words.splitlines()) == 1, ended.words
    for words in named:
        assert words in ended.words
    assert not run_directories(folder)


@pytest.mark.parametrize(
    ("assignment", "named"),
    [
        ("datasets=[{path: nowhere.jsonl}]", "nowhere.jsonl does not exist. Correct its path in the recipe."),
        ("datasets=[{path: .}]", "is a folder. Name a .jsonl file"),
        ("datasets=[]", "lists no data set"),
        ("test_datasets=[{path: nowhere.jsonl}]", "nowhere.jsonl does not exist"),
        ("base_model=./nowhere", "./nowhere was not found. Give a model folder"),
        ("base_model=nowhere.gguf", "nowhere.gguf was not found"),
        ("lintune.export.gguf=[q4_k_x]", "lintune.export.gguf: q4_k_x is not built in. Use one of: f16"),
        ("adapter=null", "Set adapter: qlora"),
        ("optimizer=nadam", "Use one of: adamw_torch_fused"),
        ("num_epochs=many", "num_epochs"),
        ("learning_rate", "--set takes key=value"),
        ("rl=kto", "rl: kto is not built in. Use one of: dpo, ipo, orpo."),
        ("rl=dpo", "rl: dpo trains on preference pairs"),
    ],
)
def test_recipes(lamps: Path, assignment: str, named: str) -> None:
    assert_refused(train(lamps, assignment), lamps, named)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("", "train.jsonl is empty. Add samples"),
        ("\n \n", "train.jsonl is empty. Add samples"),
        ('{"messages": [}\n', "train.jsonl:1 is no valid JSON. See: lintune check"),
        ('{"lamp": "on"}\n', "train.jsonl:1 is no valid chat sample. See: lintune check"),
        ('{"messages": [{"content": "on"}]}\n', "train.jsonl:1 is no valid chat sample. See: lintune check"),
    ],
)
def test_data_sets(lamps: Path, content: str, named: str) -> None:
    (lamps / "train.jsonl").write_text(content)
    assert_refused(train(lamps), lamps, named)


def test_no_recipe(lamps: Path) -> None:
    (lamps / "recipe.yaml").unlink()
    assert_refused(train(lamps), lamps, "There is no recipe")


def without_root_rights() -> None:
    """Root may write everywhere; in the child it loses that right, so that a mode counts again."""
    drop_from_bounding_set, override_permissions = 24, 1  # prctl.h, capability.h
    if os.geteuid() == 0:
        assert ctypes.CDLL(None).prctl(drop_from_bounding_set, override_permissions, 0, 0, 0) == 0


def test_a_folder_that_cannot_be_written(lamps: Path) -> None:
    lamps.chmod(0o555)
    try:
        refused = train(lamps, before=without_root_rights)
    finally:
        lamps.chmod(0o755)
    assert_refused(refused, lamps, "cannot be written (Permission denied)", "Make the folder writable")


def test_a_state_folder_that_cannot_be_written(lamps: Path) -> None:
    runs = lamps / ".lintune" / "runs"
    runs.mkdir(parents=True)
    runs.chmod(0o555)
    try:
        refused = train(lamps, before=without_root_rights)
    finally:
        runs.chmod(0o755)
    assert_refused(refused, lamps, "runs", "Permission denied")


def test_a_folder_where_another_trains(lamps: Path) -> None:
    with workspace.locked(lamps):
        refused = train(lamps)
    assert_refused(refused, lamps, f"Another training is running in {lamps}. Wait for its end, or stop it first.")


@pytest.mark.parametrize("command", ["export", "verify"])
def test_no_run_directory(lamps: Path, command: str) -> None:
    assert_refused(run(command, lamps), lamps, "is no run directory")


def test_an_unknown_quantization_on_the_command_line(lamps: Path) -> None:
    assert_refused(run("export", lamps, "--gguf", "q4_k_m,q9"), lamps, "--gguf: q9 is not known. Use one of: f16")
