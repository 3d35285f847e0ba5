"""Training in several processes: the same as in one, and all of them end together."""

import signal
from pathlib import Path

import psutil
import pytest
import yaml

from lintune_schemas import events
from lintune_schemas.events import (
    AdapterSaved,
    CheckpointSaved,
    Evaluation,
    Event,
    Progress,
    RunCancelled,
    RunFailed,
    RunFinished,
    RunPaused,
)
from lintune_trainer.engines import launched

from .trainer_process import only_run, run, start_and_wait_for, train

pytestmark = pytest.mark.long


@pytest.fixture
def lamps(lamps: Path, small_model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The lamps for a small random model in fp32, on the CPU: each step takes four samples, two of each process."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    recipe = lamps / "recipe.yaml"
    values = yaml.safe_load(recipe.read_text())
    values |= {"base_model": str(small_model), "adapter": "lora", "load_in_4bit": False, "bf16": False}
    values |= {"micro_batch_size": 2, "num_epochs": 2, "lintune": {"processes": 2, "export": {"gguf": []}}}
    recipe.write_text(yaml.safe_dump(values))
    return lamps


def losses(reported: list[Event]) -> dict[int, float]:
    """By step; of two reports of a step the later counts."""
    return {event.step: event.loss for event in reported if isinstance(event, Progress)}


def evaluated(reported: list[Event]) -> list[tuple[int, float]]:
    return [(event.step, event.eval_loss) for event in reported if isinstance(event, Evaluation)]


def workers(folder: Path) -> list[psutil.Process]:
    """The processes that train for a recipe in `folder`, and what started them."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if launched.WORKER in line and any(argument.startswith(str(folder)) for argument in line):
            found.append(process)
    return found


def test_two_processes_learn_as_one_with_the_same_batches(lamps: Path) -> None:
    two = train(lamps)
    assert two.code == 0, two
    one = train(lamps, "lintune.processes=1", "gradient_accumulation_steps=2")
    assert one.code == 0, one
    assert list(losses(two.events)) == list(range(1, 17))
    assert losses(two.events) == pytest.approx(losses(one.events), rel=1e-4)
    assert [event.epoch for event in two.of(Progress)] == [event.epoch for event in one.of(Progress)]
    # The base model's, one after each epoch but the last, and that of the whole training.
    assert [step for step, _ in evaluated(two.events)] == [0, 8, 16]
    for of_two, of_one in zip(evaluated(two.events), evaluated(one.events), strict=True):
        assert of_two == pytest.approx(of_one, rel=1e-4)
    assert [event.path for event in two.of(CheckpointSaved)] == [
        "checkpoints/checkpoint-8",
        "checkpoints/checkpoint-16",
    ]
    assert [event.path for event in two.of(AdapterSaved)] == [
        "checkpoints/adapter-8.gguf",
        "checkpoints/adapter-16.gguf",
    ]
    assert not workers(lamps)


def test_paused_and_resumed(lamps: Path) -> None:
    child = start_and_wait_for(lamps, Progress, "save_steps=4")
    said, words = child.communicate(b"pause\n", timeout=120)
    assert child.returncode == 0, words
    paused = events.decode(said.splitlines()[-1])
    assert isinstance(paused, RunPaused)
    folder = only_run(lamps)
    assert (folder / "checkpoints" / f"checkpoint-{paused.step}" / "rng_state_1.pth").is_file()
    assert not (folder / "adapter").exists()
    assert not workers(lamps)

    lock = folder / "recipe.lock.yaml"
    values = yaml.safe_load(lock.read_text())
    steps = paused.step + 3
    lock.write_text(yaml.safe_dump(values | {"max_steps": steps}))
    resumed = run("train", lamps / "recipe.yaml", "--resume", "latest")
    assert resumed.code == 0, resumed
    assert isinstance(resumed.last, RunFinished)
    assert list(losses(resumed.events)) == list(range(paused.step + 1, steps + 1))
    assert (folder / "adapter" / "adapter_model.safetensors").is_file()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_when_the_trainer_ends_so_do_they(lamps: Path, number: signal.Signals) -> None:
    child = start_and_wait_for(lamps, CheckpointSaved, "save_steps=4")
    training = workers(lamps)
    assert len(training) >= 3  # the launcher, and two that train
    child.send_signal(number)
    said = child.communicate(timeout=120)[0]
    _, alive = psutil.wait_procs(training, timeout=60)
    assert not alive
    if number == signal.SIGTERM:
        assert child.returncode == 130
        assert isinstance(events.decode(said.splitlines()[-1]), RunCancelled)
        assert not list(only_run(lamps).glob(".partial-*"))


def test_what_fails_in_them_is_said_once(lamps: Path) -> None:
    failed = train(lamps, "lora_target_linear=false", "lora_target_modules=[wqkv]")
    assert failed.code == 1
    assert isinstance(failed.last, RunFailed)
    assert failed.last.message.startswith("lora_target_modules does not fit this model")
    assert len(failed.of(RunFailed)) == 1


def test_what_one_device_is_needed_for(lamps: Path) -> None:
    refused = train(lamps, "lintune.processes=0")
    assert refused.code == 2
    assert "lintune.processes: 0 must be 1 or more" in refused.words
