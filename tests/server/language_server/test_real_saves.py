"""Saves during a run, pauses and deaths, with the real trainer on a tiny model with random weights."""

from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from lsprotocol import types

from lintune_schemas import runs as run_files
from lintune_schemas.events import Progress, RunPaused, RunResumed
from lintune_server.training import preflight, runs
from lintune_server.training.runs import RunState

from ...trainer.conftest import small_model as small_model  # the fixture
from .editor import Editor

pytestmark = pytest.mark.slow

STEPS = 250
"""So many that a run is still going on when a save comes, on fast machines, too: a step takes some 30 ms."""

RECIPE = """\
base_model: {model}
adapter: lora
datasets:
  - path: train.jsonl
sequence_len: 128
lora_target_linear: true
micro_batch_size: 2
max_steps: {steps}
save_steps: 1000
learning_rate: 1.0e-3
bf16: false
lintune:
  train_on_save: true
  on_change: {mode}
  export: {{gguf: []}}
  lint: {{ignore: [DS]}}
"""


@pytest.fixture
async def editor(new_editor: Editor, workspace: Path, small_model: Path) -> AsyncIterator[Editor]:
    """An editor with the patience that a busy machine needs; the recipe's `on_change` is still to be written."""
    new_editor.patience = 300
    write(workspace, small_model, "queue")
    await new_editor.start(workspace)
    await new_editor.until_status("untrained")
    yield new_editor
    await new_editor.command("lintune.stop")


def write(workspace: Path, model: Path, mode: str) -> None:
    (workspace / "recipe.yaml").write_text(RECIPE.format(model=model, steps=STEPS, mode=mode))


def save(workspace: Path, old: str, new: str) -> None:
    data = workspace / "train.jsonl"
    data.write_text(data.read_text().replace(f'"{old}"', f'"{new}"'))


async def learning(editor: Editor) -> None:
    """A run has learned something."""
    before = len(editor.statuses)
    await editor.until(lambda: any(status.step for status in editor.statuses[before:]))


def states(workspace: Path) -> list[RunState]:
    """Of all runs, in the order in which they began."""
    return [run.state for run in reversed(list(runs.of_recipe(workspace / "recipe.yaml")))]


def is_up_to_date(workspace: Path) -> bool:
    recipe = workspace / "recipe.yaml"
    last = runs.last_finished(recipe)
    return last is not None and last.fingerprint == preflight.inspect(recipe).fingerprint


@pytest.mark.parametrize(
    ("mode", "says", "ended"),
    [
        ("queue", "looked at again when it has ended.", [RunState.FINISHED, RunState.FINISHED]),
        ("supersede", "a new one begins in its place.", [RunState.CANCELLED, RunState.FINISHED]),
        ("finish", "the next save after its end trains.", [RunState.FINISHED]),
    ],
)
async def test_a_save_during_a_run(
    mode: str, says: str, ended: list[RunState], editor: Editor, workspace: Path, small_model: Path
) -> None:
    write(workspace, small_model, mode)
    await learning(editor)
    (workspace / "train.jsonl").touch()
    await editor.until_said("Nothing changed since the beginning of the training that is going on.")
    save(workspace, "ON", "on")
    await editor.until_said(says)
    await editor.until(lambda: states(workspace) == ended)
    await editor.until(lambda: editor.statuses[-1].state == "ready")
    assert is_up_to_date(workspace) is (mode != "finish")
    assert not [one for one in editor.client.messages if one.type is types.MessageType.Error]


async def test_a_pause_and_going_on(editor: Editor, workspace: Path) -> None:
    save(workspace, "ON", "on")
    await learning(editor)
    assert await editor.command("lintune.pause") is True
    status = await editor.until_status("paused")
    assert status.resumable
    assert psutil.Process(editor.process.pid).children() == []
    assert states(workspace) == [RunState.PAUSED]
    assert await editor.command("lintune.resume") is True
    await editor.until_status("ready")
    (folder,) = run_files.run_directories(workspace)
    told = run_files.read_events(folder)
    (rested,) = (event for event in told if isinstance(event, RunPaused))
    (resumed,) = (event for event in told if isinstance(event, RunResumed))
    assert 0 < rested.step < STEPS
    assert resumed.step == rested.step, "its checkpoint is of that very step"
    assert [event.step for event in told if isinstance(event, Progress)] == list(range(1, STEPS + 1))


async def test_a_killed_trainer_is_gone_on_with(editor: Editor, workspace: Path) -> None:
    editor.presses = "Resume Training"
    save(workspace, "ON", "on")
    await learning(editor)
    (trainer,) = psutil.Process(editor.process.pid).children()
    trainer.kill()
    await editor.until_said("The trainer was killed (SIGKILL, perhaps out of memory). It can be resumed.")
    await editor.until_status("ready")
    assert states(workspace) == [RunState.FINISHED]


async def test_all_its_threads_make_way_for_the_editor(editor: Editor, workspace: Path) -> None:
    save(workspace, "ON", "on")
    await learning(editor)
    (trainer,) = psutil.Process(editor.process.pid).children()
    threads = list(Path(f"/proc/{trainer.pid}/task").glob("*/stat"))
    nice = [int(stat.read_text().rpartition(")")[2].split()[16]) for stat in threads]
    assert len(nice) > 1
    assert set(nice) == {min(psutil.Process(editor.process.pid).nice() + 10, 19)}
