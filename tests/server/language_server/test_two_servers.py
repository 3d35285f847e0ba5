"""Two editors on one workspace: one of them trains, the other one says so and follows."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from lintune_schemas import runs as run_files
from lintune_server.training import runs
from lintune_server.training.runs import RunState

from .editor import Editor
from .trainings import behave, count_runs

pytestmark = [pytest.mark.usefixtures("scripted_trainer"), pytest.mark.long]

FOLLOWED = "Another program started this training"


@pytest.fixture
async def editors(workspace: Path) -> AsyncIterator[tuple[Editor, Editor]]:
    first, second = Editor(), Editor()
    for editor in (first, second):
        await editor.start(workspace)
        await editor.until_status("untrained")
    yield first, second
    for editor in (first, second):
        await editor.leave()


def changed(workspace: Path, answer: str) -> None:
    data = workspace / "train.jsonl"
    data.write_text(data.read_text().replace('"ON', f'"ON{answer}'))


def by_role(editors: tuple[Editor, Editor]) -> tuple[Editor, Editor] | None:
    """Who trains, and who follows; None while it is open."""
    followers = [one for one in editors if any(FOLLOWED in status.detail for status in one.statuses)]
    if len(followers) != 1:
        return None
    (trains,) = (one for one in editors if one not in followers)
    return trains, followers[0]


async def test_a_save_is_trained_once(editors: tuple[Editor, Editor], workspace: Path) -> None:
    behave(workspace, "gate")
    changed(workspace, "1")
    trains, follows = await editors[0].until(lambda: by_role(editors))
    (trainer,) = psutil.Process(trains.process.pid).children()
    followed = await follows.until_status("training", detail=FOLLOWED)
    await follows.until(lambda: any(status.step == 1 for status in follows.statuses))
    assert f"(process {trainer.pid})" in follows.statuses[-1].detail
    assert followed.recipe == (workspace / "recipe.yaml").as_uri()
    assert psutil.Process(follows.process.pid).children() == []
    (workspace / "go").touch()
    for editor in editors:
        await editor.until_status("ready")
    await follows.until_said("othing changed since")
    await asyncio.sleep(1)
    assert count_runs(workspace) == 1
    assert [editor.shown for editor in editors] == [[], []]


def states(workspace: Path) -> list[RunState]:
    """Of all runs, the newest first."""
    return [run.state for run in runs.of_recipe(workspace / "recipe.yaml")]


async def test_what_one_stops_the_other_does_not_begin_again(editors: tuple[Editor, Editor], workspace: Path) -> None:
    behave(workspace, "gate")
    changed(workspace, "1")
    trains, follows = await editors[0].until(lambda: by_role(editors))
    assert await trains.command("lintune.stop") is True
    await follows.until_said("The training of another program has ended: cancelled.")
    await follows.until_said("othing changed since")
    await asyncio.sleep(1)
    (run,) = runs.of_recipe(workspace / "recipe.yaml")
    assert run.state is RunState.CANCELLED


async def test_saves_during_the_run_are_trained_once_after_it(editors: tuple[Editor, Editor], workspace: Path) -> None:
    behave(workspace, "gate")
    changed(workspace, "1")
    _, follows = await editors[0].until(lambda: by_role(editors))
    await follows.until(lambda: any(status.step == 1 for status in follows.statuses))
    changed(workspace, "2")
    for editor in editors:
        await editor.until_said("Saved during a training: looked at again when it has ended.")
    (workspace / "go").touch()
    await editors[0].until(lambda: count_runs(workspace) == 2)
    for editor in editors:
        await editor.until(lambda: editor.statuses[-1].state == "ready")  # noqa: B023
    await editors[0].until(lambda: states(workspace) == [RunState.FINISHED] * 2)
    await asyncio.sleep(2)
    assert states(workspace) == [RunState.FINISHED] * 2


async def test_a_run_is_superseded_once(editors: tuple[Editor, Editor], workspace: Path) -> None:
    behave(workspace, "gate")
    recipe = workspace / "recipe.yaml"
    text = recipe.read_text().replace("  train_on_save: true", "  train_on_save: true\n  on_change: supersede")
    recipe.write_text(text)
    _, follows = await editors[0].until(lambda: by_role(editors))
    await follows.until(lambda: any(status.step == 1 for status in follows.statuses))
    changed(workspace, "2")
    await editors[0].until(lambda: count_runs(workspace) == 2)
    (workspace / "go").touch()
    for editor in editors:
        await editor.until(lambda: editor.statuses[-1].state == "ready")  # noqa: B023
    await editors[0].until(lambda: states(workspace)[0] is RunState.FINISHED)
    await asyncio.sleep(2)
    assert states(workspace) == [RunState.FINISHED, RunState.CANCELLED]
    assert [editor.shown for editor in editors] == [[], []]


async def test_the_one_that_follows_can_stop_it(editors: tuple[Editor, Editor], workspace: Path) -> None:
    behave(workspace, "gate")
    changed(workspace, "1")
    trains, follows = await editors[0].until(lambda: by_role(editors))
    await follows.until(lambda: any(status.step == 1 for status in follows.statuses))
    assert await follows.command("lintune.pause") is False
    await follows.until_said("This training cannot be paused from here")
    assert await follows.command("lintune.stop") is True
    await trains.until_said("The training was stopped after step 1.")
    await follows.until_said("The training of another program has ended: cancelled.")
    await asyncio.sleep(1)
    assert count_runs(workspace) == 1


async def test_a_new_server_finds_the_trainer_of_one_that_was_killed(
    editors: tuple[Editor, Editor], workspace: Path
) -> None:
    first, second = editors
    await second.leave()
    behave(workspace, "gate")
    assert await first.command("lintune.train") is True
    await first.until(lambda: any(status.step == 1 for status in first.statuses))
    (trainer,) = psutil.Process(first.process.pid).children()
    await first.kill_server()
    third = Editor()
    await third.start(workspace)
    try:
        status = await third.until_status("training", detail=FOLLOWED)
        assert f"(process {trainer.pid})" in status.detail
        recipe = workspace / "recipe.yaml"
        third.open(recipe)
        assert (await third.lenses(recipe))[0] == (0, "Stop training", "lintune.stop")
        assert await third.command("lintune.stop") is True
        await third.until_status("untrained")
        (folder,) = run_files.run_directories(workspace)
        assert runs.read(folder).state is RunState.CANCELLED
        assert await third.command("lintune.train", recipe.as_uri()) is True
        (workspace / "go").touch()
        await third.until_status("ready")
    finally:
        await third.leave()


async def test_a_training_that_a_terminal_begins_is_shown(editors: tuple[Editor, Editor], workspace: Path) -> None:
    behave(workspace, "gate")
    command = [sys.executable, "-m", "lintune_server", "train", str(workspace / "recipe.yaml")]
    terminal = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for editor in editors:
        await editor.until_status("training", detail=FOLLOWED)
    (workspace / "go").touch()
    assert await terminal.wait() == 0
    for editor in editors:
        await editor.until_status("ready", detail="The training of another program has ended: finished.")
    assert count_runs(workspace) == 1
