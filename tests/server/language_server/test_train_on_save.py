"""What saves and commands lead to, over the wire, with a scripted trainer that misbehaves when told to."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from lsprotocol import types

from lintune_schemas import base_model, model_files, runs

from .editor import Editor
from .trainings import behave, count_runs, saved_and_trained

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def editor(training_editor: Editor) -> AsyncIterator[Editor]:
    """The one editor of these tests, which has forgotten the tests before."""
    training_editor.forget()
    yield training_editor
    await training_editor.command("lintune.stop")
    await training_editor.until(
        lambda: not any(status.state in ("training", "exporting") for status in training_editor.statuses[-1:])
    )
    training_editor.close_all()


@pytest_asyncio.fixture(loop_scope="session")
async def data(editor: Editor, workspace: Path) -> Path:
    """The data set, open in the editor, in a workspace that was never trained."""
    path = workspace / "train.jsonl"
    editor.open(path)
    await editor.until_status("untrained")
    return path


async def test_a_save_trains_once_with_progress_and_status(editor: Editor, workspace: Path, data: Path) -> None:
    await saved_and_trained(editor, data, '"ON"', '"on"')
    assert count_runs(workspace) == 1
    ((begin, *reports, end),) = editor.progress
    assert (begin.title, begin.cancellable) == ("Training my workspace", True)
    assert any(report.message == "step 2/3 · loss 0.50 · 0:01 left" for report in reports)
    assert [report.percentage for report in reports if report.percentage] == [33, 66, 100]
    assert end.message == "Trained in 0:02: evaluation loss 2.000 → 0.500."
    training = next(status for status in editor.statuses if status.step == 2)
    assert (training.state, training.total, training.loss) == ("training", 3, 0.5)
    assert training.recipe == (workspace / "recipe.yaml").as_uri()
    assert training.run == str(next(runs.run_directories(workspace)))


async def test_a_save_by_another_program_trains_once(editor: Editor, workspace: Path, data: Path) -> None:
    behave(workspace, "slow")
    beside = workspace / "train.tmp"
    beside.write_text(data.read_text().replace('"ON"', '"on"'))
    beside.replace(data)
    await editor.until_status("ready")
    # A second run would have been queued while the first was going on, and come right after it.
    before = len(editor.statuses)
    beside.write_text(data.read_text())
    beside.replace(data)
    await editor.until_status("ready", after=before, detail="nothing changed")
    assert count_runs(workspace) == 1


async def test_a_folder_that_is_copied_into_the_workspace_is_not_trained(
    editor: Editor, workspace: Path, data: Path
) -> None:
    copied = workspace / "copied"
    copied.mkdir()
    files = [copied / name for name in ("recipe.yaml", "train.jsonl")]
    for file in files:
        shutil.copy(workspace / file.name, file)
    events = [types.FileEvent(file.as_uri(), types.FileChangeType.Created) for file in files]
    editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams(events))
    # One trains at a time: what was to be trained before comes before, or between the two.
    await saved_and_trained(editor, data, '"ON"', '"on"')
    await saved_and_trained(editor, data, '"on"', '"On"')
    assert (count_runs(workspace), count_runs(copied)) == (2, 0)


async def test_without_a_change_of_content_nothing_trains_and_it_says_so(
    editor: Editor, workspace: Path, data: Path
) -> None:
    await saved_and_trained(editor, data, '"ON"', '"on"')
    before = len(editor.statuses)
    editor.replace(data, '"content": "on"', '"content":   "on"')  # white space between tokens of JSON
    editor.save(data)
    await editor.until_status("ready", after=before, detail="nothing changed")
    assert count_runs(workspace) == 1
    assert editor.shown == [], "no message box for it"


async def test_a_comment_in_the_recipe_does_not_train_but_a_value_does(
    editor: Editor, workspace: Path, data: Path
) -> None:
    await saved_and_trained(editor, data, '"ON"', '"on"')
    recipe = workspace / "recipe.yaml"
    editor.open(recipe)
    before = len(editor.statuses)
    editor.replace(recipe, "sequence_len: 256", "sequence_len: 256 # enough")
    editor.save(recipe)
    await editor.until_status("ready", after=before, detail="nothing changed")
    await saved_and_trained(editor, recipe, "sequence_len: 256 # enough", "sequence_len: 128")
    assert count_runs(workspace) == 2


async def test_an_error_blocks_and_is_named_once(editor: Editor, workspace: Path, data: Path) -> None:
    editor.replace(data, '"ON"}]}', '"ON"}],}')
    editor.save(data)
    said = await editor.until_said("train.jsonl:1 JL009")
    assert said.startswith("Not trained: ")
    assert "trailing comma" in said
    editor.save(data)  # still broken: said in the status, not in another message box
    before = len(editor.statuses)
    editor.replace(data, '"OFF"', '"off"')
    editor.save(data)
    await editor.until(lambda: len([said for said in editor.said if "JL009" in said]) >= 3)
    assert len([shown for shown in editor.shown if "JL009" in shown]) == 1
    assert count_runs(workspace) == 0
    await saved_and_trained(editor, data, '"ON"}],}', '"ON"}]}')
    assert len(editor.statuses) > before


async def test_an_error_in_another_file_of_the_recipe_blocks(editor: Editor, workspace: Path, data: Path) -> None:
    recipe = workspace / "recipe.yaml"
    (workspace / "eval.jsonl").write_text("{'broken'\n")
    editor.open(recipe)
    editor.replace(recipe, "sequence_len", "test_datasets:\n  - path: eval.jsonl\nsequence_len")
    editor.save(recipe)
    await editor.until_said("Not trained: eval.jsonl:1 JL009")
    (workspace / "eval.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')  # by another program
    await editor.until_status("ready")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "does not exist. Correct its path in the recipe."),
        ("folder", "is a folder. Name a .jsonl file in the recipe."),
        (b"", "is empty. Add samples, one JSON object a line."),
    ],
)
async def test_data_that_cannot_be_read_is_named(
    editor: Editor, workspace: Path, data: Path, content: bytes | str | None, words: str
) -> None:
    recipe, other = workspace / "recipe.yaml", workspace / "other.jsonl"
    if isinstance(content, bytes):
        other.write_bytes(content)
    elif content:
        other.mkdir()
    editor.open(recipe)
    editor.replace(recipe, "train.jsonl", "other.jsonl")
    editor.save(recipe)
    said = await editor.until_said(words)
    assert said.startswith(("Not trained: ", "recipe.yaml: Not trained: "))
    assert str(other) in said
    assert count_runs(workspace) == 0


async def test_a_save_during_a_run_is_looked_at_after_it(editor: Editor, workspace: Path, data: Path) -> None:
    behave(workspace, "slow")
    editor.replace(data, '"ON"', '"on"')
    editor.save(data)
    await editor.until(lambda: any(status.step == 1 for status in editor.statuses))  # the data was read
    editor.replace(data, '"OFF"', '"off"')
    editor.save(data)
    await editor.until_said("looked at again when it has ended")
    await editor.until(lambda: count_runs(workspace) == 2)
    await editor.until_status("ready", after=len(editor.statuses))
    first, second = (runs.read_dataset_lock(run) for run in runs.run_directories(workspace))
    assert first
    assert second
    assert first.fingerprint != second.fingerprint


async def test_train_on_save_is_asked_for(editor: Editor, workspace: Path, data: Path) -> None:
    recipe = workspace / "recipe.yaml"
    editor.open(recipe)
    editor.replace(recipe, "train_on_save: true", "train_on_save: false")
    editor.save(recipe)
    await editor.until_said("does not say lintune.train_on_save: true")
    editor.replace(data, '"ON"', '"on"')
    editor.save(data)
    await editor.until(lambda: len([said for said in editor.said if "train_on_save" in said]) == 2)
    assert count_runs(workspace) == 0


async def test_cancelling_the_progress_stops_the_run(editor: Editor, workspace: Path, data: Path) -> None:
    behave(workspace, "hang")
    editor.replace(data, '"ON"', '"on"')
    editor.save(data)
    await editor.until(lambda: editor.progress and len(editor.progress[0]) > 2)
    (token,) = editor.client.progress_reports
    editor.client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(token))
    await editor.until_said("The training was stopped after step 1.")
    await editor.until_status("untrained", after=2)
    assert editor.shown == []


async def test_lenses_train_and_stop(editor: Editor, workspace: Path) -> None:
    behave(workspace, "hang")
    recipe = workspace / "recipe.yaml"
    editor.open(recipe)
    assert await editor.command("lintune.train", recipe.as_uri()) is True
    await editor.until(lambda: any(status.step == 1 for status in editor.statuses))
    assert (await editor.lenses(recipe))[0] == (0, "Stop training", "lintune.stop")
    assert await editor.command("lintune.train", recipe.as_uri()) is False
    await editor.until_said("A training is going on. Wait for it, or stop it first.")
    assert await editor.command("lintune.stop") is True
    await editor.until_said("The training was stopped after step 1.")
    await editor.until_status("untrained", after=len(editor.statuses) - 1)
    assert (await editor.lenses(recipe))[0] == (0, "Train", "lintune.train")


async def test_a_killed_trainer_is_told_and_the_next_save_trains(editor: Editor, workspace: Path, data: Path) -> None:
    behave(workspace, "die")
    editor.replace(data, '"ON"', '"on"')
    editor.save(data)
    failed = await editor.until_status("failed")
    assert "The trainer was killed" in failed.detail
    assert "It can be resumed" in failed.detail
    assert failed.resumable
    assert await editor.until(lambda: [offer.message for offer in editor.offers]) == [failed.detail]
    assert editor.shown == []
    behave(workspace, "finish")
    before = len(editor.statuses)
    editor.save(data)  # the same content: but it never became a model
    await editor.until_status("ready", after=before)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("fail", "Out of memory: halve micro_batch_size."),
        ("refuse", "The training could not start: Another training is running here."),
    ],
)
async def test_why_a_run_failed_is_told(editor: Editor, workspace: Path, data: Path, how: str, words: str) -> None:
    behave(workspace, how)
    editor.replace(data, '"ON"', '"on"')
    editor.save(data)
    assert (await editor.until_status("failed")).detail == words
    assert editor.shown == [words]


async def test_bad_requests_to_train_get_one_sentence(editor: Editor, workspace: Path, tmp_path: Path) -> None:
    (workspace / "recipe.yaml").unlink()
    lonely = tmp_path / "lonely" / "a.jsonl"
    lonely.parent.mkdir()
    lonely.write_text('{"prompt": "a", "completion": "b"}\n')
    editor.open(lonely)
    assert await editor.command("lintune.train", lonely.as_uri()) is False
    assert await editor.command("lintune.train", (workspace / "recipe.yaml").as_uri()) is False
    assert await editor.command("lintune.train", "untitled:Untitled-1") is False
    assert await editor.command("lintune.ask", lonely.as_uri(), 0) is None
    assert await editor.command("lintune.ask", lonely.as_uri(), 7) is None
    assert [message.split(".")[0] for message in editor.shown] == [
        "There is no recipe for a",
        f"There is no recipe {workspace / 'recipe'}",
        "Untitled-1 is no file yet",
        "There is no recipe for a",
        "Line 8 holds no sample that can be read",
    ]


async def test_what_keeps_a_training_from_beginning_is_shown_once(editor: Editor, workspace: Path, data: Path) -> None:
    behave(workspace, "refuse")
    for old, new in (('"ON"', '"on"'), ('"on"', '"On"')):
        before = len(editor.statuses)
        editor.replace(data, old, new)
        editor.save(data)
        await editor.until_status("training", after=before)
        await editor.until_status("failed", after=before)
    assert len(editor.shown) == 1


async def test_a_base_model_that_came_with_the_training_is_known_afterwards(
    editor: Editor, workspace: Path, data: Path
) -> None:
    behave(workspace, "hang")
    recipe, model = workspace / "recipe.yaml", workspace / "model"
    editor.open(recipe)
    editor.replace(recipe, "smollm2-135m-instruct", "./model")
    editor.save(recipe)
    assert "base_model: ./model was not found" in await editor.hover_until(data, 0, "not found")
    assert await editor.command("lintune.train", recipe.as_uri()) is True  # a save does not train with such an error
    shutil.copytree(model_files.tokenizer_folder(base_model.find(base_model.DEMO_MODEL, workspace)), model)
    (model / "config.json").write_text("{}")
    await editor.until(lambda: any(status.step == 1 for status in editor.statuses))
    assert await editor.command("lintune.stop") is True
    await editor.hover_until(data, 0, "36 of 256 tokens")


async def test_before_the_first_run_there_is_no_one_to_ask(editor: Editor, data: Path) -> None:
    assert await editor.command("lintune.ask", data.as_uri(), 0) is None
    assert editor.shown == ["There is no tuned model yet. Train the recipe first."]
