from pathlib import Path

import pytest

from .command import Command
from .recorded import NEW, OLD, data, record, sample, whole


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Commands, run in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Command(tmp_path, capsys)


@pytest.fixture
def two(run: Command) -> Command:
    """A folder with two finished runs. Before the second, the data and the recipe were changed."""
    samples = [sample(number) for number in range(20)]
    data(run.folder / "train.jsonl", samples)
    data(run.folder / "eval.jsonl", [sample(number) for number in range(90, 94)])
    record(run.folder, OLD, whole(OLD))
    changed = [
        *samples[1:5],
        {**samples[5], "completion": "It is lit."},
        *samples[6:],
        sample(77, "off"),
        sample(78, "off"),
    ]
    data(run.folder / "train.jsonl", changed)
    record(run.folder, NEW, whole(NEW, 0.2, device="NVIDIA L4"), learning_rate=1e-3, lora_r=8)
    run.write("recipe.yaml", "base_model: smollm2-135m-instruct\n")
    return run
