"""Trainings that rest, and those that died: they are gone on with, with a scripted trainer."""

from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from lsprotocol import types

from lintune_server.training import runs
from lintune_server.training.runs import RunState

from .editor import Editor
from .trainings import behave

pytestmark = [pytest.mark.usefixtures("scripted_trainer"), pytest.mark.long]


@pytest.fixture
async def data(editor: Editor, workspace: Path) -> Path:
    """The data set of a workspace that was never trained; its recipe is open in the editor."""
    await editor.until_status("untrained")
    editor.open(workspace / "recipe.yaml")
    behave(workspace, "gate")
    return workspace / "train.jsonl"


@pytest.fixture
async def later_editors(workspace: Path) -> AsyncIterator[list[Editor]]:
    """Two that are started after the first one has left."""
    editors = [Editor(), Editor()]
    yield editors
    for editor in editors:
        await editor.leave()


def states(workspace: Path) -> list[RunState]:
    return [run.state for run in runs.of_recipe(workspace / "recipe.yaml")]


async def paused(editor: Editor, data: Path) -> None:
    """A save began a training, which rests after its first step."""
    data.write_text(data.read_text().replace('"ON"', '"on"'))
    await editor.until(lambda: any(status.step == 1 for status in editor.statuses))
    assert await editor.command("lintune.pause") is True
    status = await editor.until_status("paused")
    assert (status.text, status.detail) == ("training paused", "The training is paused after step 1.")
    assert status.resumable
    assert states(data.parent) == [RunState.PAUSED]


async def test_a_training_is_paused_and_gone_on_with(editor: Editor, workspace: Path, data: Path) -> None:
    recipe = workspace / "recipe.yaml"
    data.write_text(data.read_text().replace('"ON"', '"on"'))
    await editor.until(lambda: any(status.step == 1 for status in editor.statuses))
    stop, pause = ("Stop training", "lintune.stop"), ("Pause training", "lintune.pause")
    assert (await editor.lenses(recipe))[:2] == [(0, *stop), (0, *pause)]
    assert await editor.command("lintune.pause") is True
    status = await editor.until_status("paused")
    assert status.resumable
    assert psutil.Process(editor.process.pid).children() == [], "the machine is free"
    train, resume = ("Train", "lintune.train"), ("Resume training", "lintune.resume")
    assert (await editor.lenses(recipe))[:2] == [(0, *train), (0, *resume)]
    assert editor.shown == []
    assert editor.offers == [], "who paused it knows"
    (workspace / "go").touch()
    assert await editor.command("lintune.resume", recipe.as_uri()) is True
    await editor.until_status("ready")
    assert states(workspace) == [RunState.FINISHED], "it is the same run"
    assert await editor.command("lintune.pause") is False
    assert await editor.command("lintune.resume", recipe.as_uri()) is False
    await editor.until_said("is not one that can be resumed. Train it anew.")


async def test_what_is_saved_while_it_rests_waits_for_its_end(editor: Editor, workspace: Path, data: Path) -> None:
    await paused(editor, data)
    data.touch()
    await editor.until_said("Nothing changed since the beginning of the training that is paused. Resume it.")
    data.write_text(data.read_text().replace('"OFF"', '"off"'))
    await editor.until_said("Saved while a training is paused: looked at again when it has ended.")
    assert states(workspace) == [RunState.PAUSED]
    (workspace / "go").touch()
    assert await editor.command("lintune.resume") is True
    await editor.until(lambda: states(workspace) == [RunState.FINISHED] * 2)


async def test_it_is_superseded_if_the_recipe_wants_so(editor: Editor, workspace: Path, data: Path) -> None:
    recipe = workspace / "recipe.yaml"
    text = recipe.read_text().replace("  train_on_save: true", "  train_on_save: true\n  on_change: supersede")
    recipe.write_text(text)
    await editor.until(lambda: any(status.step == 1 for status in editor.statuses))
    assert await editor.command("lintune.pause") is True
    await editor.until_status("paused")
    (workspace / "go").touch()
    data.write_text(data.read_text().replace('"OFF"', '"off"'))
    await editor.until_status("ready")
    assert states(workspace) == [RunState.FINISHED, RunState.PAUSED]


async def test_it_is_given_up(editor: Editor, workspace: Path, data: Path) -> None:
    await paused(editor, data)
    assert await editor.command("lintune.stop") is True
    status = await editor.until_status("untrained", after=len(editor.statuses) - 1)
    assert not status.resumable
    (workspace / "go").touch()
    data.write_text(data.read_text().replace('"OFF"', '"off"'))
    await editor.until_status("ready")
    assert states(workspace) == [RunState.FINISHED, RunState.PAUSED]


async def test_training_by_hand_begins_a_new_one(editor: Editor, workspace: Path, data: Path) -> None:
    await paused(editor, data)
    (workspace / "go").touch()
    assert await editor.command("lintune.train") is True
    await editor.until_status("ready")
    assert states(workspace) == [RunState.FINISHED, RunState.PAUSED]


async def test_an_editor_that_is_closed_pauses_and_the_next_one_offers_to_go_on(
    editor: Editor, workspace: Path, data: Path, later_editors: list[Editor]
) -> None:
    data.write_text(data.read_text().replace('"ON"', '"on"'))
    await editor.until(lambda: any(status.step == 1 for status in editor.statuses))
    await editor.leave()
    assert states(workspace) == [RunState.PAUSED]
    second, third = later_editors
    await second.start(workspace)
    (offer,) = await second.until(lambda: second.offers)
    assert offer.message == "The training of recipe.yaml was paused after step 1 of 3. It can be resumed."
    assert list(offer.actions or ()) == [types.MessageActionItem("Resume Training")]
    status = await second.until_status("paused")
    assert (status.resumable, status.detail) == (True, "It was paused after step 1 of 3.")
    assert states(workspace) == [RunState.PAUSED], "nobody pressed the button"
    await second.leave()
    (workspace / "go").touch()
    third.presses = "Resume Training"
    await third.start(workspace)
    await third.until_status("ready")
    assert states(workspace) == [RunState.FINISHED]


async def test_a_training_that_died_is_offered_once(editor: Editor, workspace: Path, data: Path) -> None:
    behave(workspace, "die")
    data.write_text(data.read_text().replace('"ON"', '"on"'))
    failed = await editor.until_status("failed")
    assert failed.resumable
    (offer,) = await editor.until(lambda: editor.offers)
    assert offer.message == "The trainer was killed (SIGKILL, perhaps out of memory). It can be resumed."
    recipe = workspace / "recipe.yaml"
    assert (0, "Resume training", "lintune.resume") in await editor.lenses(recipe)
    editor.open(data)  # looks at the recipe's runs, as much else does
    assert await editor.command("lintune.stop") is False
    behave(workspace, "finish")
    assert await editor.command("lintune.resume", recipe.as_uri()) is True
    await editor.until_status("ready")
    assert states(workspace) == [RunState.FINISHED]
    assert len(editor.offers) == 1


async def test_a_client_without_buttons_is_told(new_editor: Editor, workspace: Path) -> None:
    def without_buttons(capabilities: types.ClientCapabilities) -> None:
        assert capabilities.window
        capabilities.window.show_message = None

    behave(workspace, "die")
    await new_editor.start(workspace, adjust=without_buttons)
    await new_editor.until_status("untrained")
    assert await new_editor.command("lintune.train") is True
    await new_editor.until_status("failed")
    await new_editor.until(lambda: new_editor.shown)
    assert new_editor.shown == ["The trainer was killed (SIGKILL, perhaps out of memory). It can be resumed."]
