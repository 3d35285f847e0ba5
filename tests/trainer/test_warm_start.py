"""Going on from the last run's adapter when only samples were added or changed."""

import json
from pathlib import Path

import pytest
import yaml

from lintune_schemas import runs
from lintune_schemas.events import Progress, RunStarted, WarmStart, Warned

from .trainer_process import Ended, run_directories, train

pytestmark = pytest.mark.long


@pytest.fixture
def lamps(lamps: Path, small_model: Path) -> Path:
    """The lamps with a small random model and warm starts, trained once."""
    recipe = lamps / "recipe.yaml"
    values = yaml.safe_load(recipe.read_text())
    values |= {"base_model": str(small_model), "num_epochs": 3, "learning_rate": 0.01}
    recipe.write_text(yaml.safe_dump(values | {"lintune": {"export": {"gguf": []}, "warm_start": True}}))
    ended = train(lamps)
    assert ended.code == 0, ended.words
    assert started(ended).warm_start is None
    assert any("No warm start" in warning.message for warning in ended.of(Warned)), "it says so"
    return lamps


def started(ended: Ended) -> RunStarted:
    (event,) = ended.of(RunStarted)
    return event


def add(folder: Path, count: int) -> None:
    with (folder / "train.jsonl").open("a") as file:
        for number in range(count):
            turns = [("user", f"Turn lamp {number + 900} on."), ("assistant", f"lamp {number + 900}: on")]
            messages = [{"role": role, "content": content} for role, content in turns]
            file.write(json.dumps({"messages": messages}) + "\n")


def test_added_samples_are_learned_with_as_many_old_ones(lamps: Path) -> None:
    first = run_directories(lamps)[0]
    add(lamps, 5)
    ended = train(lamps)
    assert ended.code == 0, ended.words
    assert started(ended).warm_start == WarmStart(first.name, new=5, replayed=5)
    assert started(ended).samples == 10
    assert any(f"from the adapter of {first.name}, with 5 new" in warning.message for warning in ended.of(Warned))
    again = train(lamps)
    assert started(again).warm_start is None, "nothing is new: all of the training"
    assert started(again).samples == 37


def test_a_changed_sample_counts_as_new_and_layout_does_not(lamps: Path) -> None:
    lines = (lamps / "train.jsonl").read_text().splitlines()
    lines[0] = json.dumps(json.loads(lines[0]), indent=None, separators=(" ,", ":  "))
    changed = json.loads(lines[1])
    changed["messages"][-1]["content"] += "!"
    lines[1] = json.dumps(changed)
    (lamps / "train.jsonl").write_text("\n".join(lines) + "\n")
    described = started(train(lamps, "lintune.replay=0.75")).warm_start
    assert described is not None
    assert (described.new, described.replayed) == (1, 3)


def test_it_begins_with_what_was_learned(lamps: Path) -> None:
    def losses(run: Path) -> list[float]:
        return [event.loss for event in runs.read_events(run) if isinstance(event, Progress)]

    add(lamps, 5)
    ended = train(lamps)
    assert ended.code == 0, ended.words
    cold, warm = map(losses, run_directories(lamps))
    assert cold[0] - cold[-1] > 0.2
    assert abs(warm[0] - cold[-1]) < abs(warm[0] - cold[0])
    evaluations = [json.loads((run / "eval.json").read_text())["evaluations"] for run in run_directories(lamps)]
    assert evaluations[1][0]["eval_loss"] == pytest.approx(evaluations[0][0]["eval_loss"], abs=1e-4), "the base model's"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (["learning_rate=1e-5"], "the recipe is another one"),
        (["test_datasets=[]", "val_set_size=0.2"], "samples that were trained on would be evaluated with"),
    ],
)
def test_otherwise_from_the_beginning(lamps: Path, change: list[str], why: str) -> None:
    add(lamps, 5)
    ended = train(lamps, *change)
    assert ended.code == 0, ended.words
    assert started(ended).warm_start is None
    assert any(why in warning.message for warning in ended.of(Warned))


def test_too_much_is_new(lamps: Path) -> None:
    add(lamps, 50)
    assert started(train(lamps)).warm_start is None


def test_the_data_of_the_last_run_is_gone(lamps: Path) -> None:
    for copy in runs.snapshots_folder(lamps).iterdir():
        copy.unlink()
    add(lamps, 5)
    ended = train(lamps)
    assert ended.code == 0, ended.words
    assert started(ended).warm_start is None
