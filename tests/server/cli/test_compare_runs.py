"""`lintune runs compare`: what two runs differ in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lintune_schemas import runs

from .recorded import NEW, OLD, record, report, sample, whole

if TYPE_CHECKING:
    from .command import Command


def test_compare(two: Command):
    lines = [" ".join(line.split()) for line in two("runs", "compare").out.splitlines()]
    assert lines[0].startswith(f"A {OLD} finished")
    assert lines[1].startswith(f"B {NEW} finished")
    assert "lora_r 16 8" in lines
    assert "learning_rate 0.0002 0.001" in lines
    assert "train.jsonl: 20 → 21 samples" in lines
    assert "18 unchanged" in lines
    assert "1 edited line 5" in lines
    assert "2 added lines 20, 21" in lines
    assert "1 removed line 1 of A" in lines
    assert "eval.jsonl: the same 4 samples, to evaluate with" in lines
    assert "final evaluation loss 0.700 0.400" in lines
    assert "on CPU, 2 threads NVIDIA L4" in lines
    chart = two("runs", "compare").out
    assert chart.count("○") == 3  # in the legend, and two evaluations
    assert {line[-1] for line in chart.splitlines()[-14:]} >= {"A", "B"}


def test_compare_as_json_and_the_other_way_round(two: Command):
    found = report(two, "compare", "latest", "latest~1")
    assert (found["a"]["name"], found["b"]["name"]) == (NEW, OLD)
    assert {"key": "lora_r", "a": 8, "b": 16} in found["recipe"]
    (train, test) = found["data"]
    assert (train["use"], train["same"], test["use"], test["same"]) == ("train", False, "test", True)
    assert train["samples"] == {"unchanged": 18, "moved": 0, "edited": [6], "added": [1], "removed": [20, 21]}


def test_compare_with_itself(two: Command):
    found = report(two, "compare", NEW, NEW)
    assert found["recipe"] == []
    assert all(change["same"] for change in found["data"])
    assert "the same values" in two("runs", "compare", NEW, NEW).out


def test_data_sets_that_came_went_or_have_another_name(two: Command):
    name = "20261127T000000Z-11111111"
    (two.folder / "eval.jsonl").rename(two.folder / "held-out.jsonl")
    two.write("more.jsonl", json.dumps(sample(5)) + "\n")
    entries = [{"path": "train.jsonl"}, {"path": "more.jsonl"}]
    record(two.folder, name, whole(name), datasets=entries, test_datasets=[{"path": "held-out.jsonl"}])
    lines = two("runs", "compare").out.splitlines()
    assert "  more.jsonl: in B only, 1 sample" in lines
    assert "  eval.jsonl → held-out.jsonl: the same 4 samples, to evaluate with" in lines
    assert "  more.jsonl: in A only, 1 sample" in two("runs", "compare", name, NEW).out.splitlines()
    keys = {change["key"]: change["b"] for change in report(two, "compare")["recipe"]}
    assert keys["datasets.1.path"] == "more.jsonl"
    assert keys["test_datasets.0.path"] == "held-out.jsonl"


@pytest.mark.parametrize("loss", ["kept no copy", "is gone", "is damaged"])
def test_data_whose_copy_is_missing_is_compared_by_its_hash_alone(two: Command, loss: str):
    folder = runs.snapshots_folder(two.folder)
    lock = runs.read_dataset_lock(runs.runs_folder(two.folder) / OLD)
    assert lock is not None
    copy = folder / str(lock.train[0].snapshot)
    match loss:
        case "kept no copy":
            text = (runs.runs_folder(two.folder) / OLD / runs.DATASET_LOCK).read_text()
            (runs.runs_folder(two.folder) / OLD / runs.DATASET_LOCK).write_text(text.replace('"snapshot"', '"other"'))
        case "is gone":
            copy.unlink()
        case "is damaged":
            copy.write_bytes(b"PAR1" + bytes(range(256)) * 4)
    (train, test) = report(two, "compare")["data"]
    assert train["samples"] is None
    assert loss in train["problem"]
    assert (train["same"], test["same"]) == (False, True)
    assert "samples cannot be compared." in " ".join(two("runs", "compare").out.split())


def test_locks_that_cannot_be_read_are_said(two: Command):
    folder = runs.runs_folder(two.folder) / OLD
    (folder / runs.RECIPE_LOCK).write_text("a: [")
    (folder / runs.DATASET_LOCK).write_text("{")
    printed = two("runs", "compare")
    assert (printed.code, printed.err) == (0, "")
    assert "the recipe.lock.yaml of one of them cannot be read" in printed.out
    assert "the dataset.lock.json of one of them cannot be read" in printed.out
    found = report(two, "compare")
    assert found["recipe"] is None
    assert found["data"] is None
