"""What saves and commands lead to, over the wire, with a scripted trainer that misbehaves when told to."""

from pathlib import Path

import psutil
import pytest
from lsprotocol import types

from lintune_schemas import runs

from .editor import Editor

pytestmark = pytest.mark.usefixtures("scripted_trainer")


def behave(workspace: Path, *words: str) -> None:
    (workspace / "behaviour").write_text(" ".join(words))


def count_runs(workspace: Path) -> int:
    return len(list(runs.run_directories(workspace)))


async def saved_and_trained(editor: Editor, path: Path, old: str, new: str) -> None:
    """Edit, save, and see the run to its end."""
    before = len(editor.statuses)
    editor.replace(path, old, new)
    editor.save(path)
    await editor.until_status("training", after=before)
    await editor.until_status("ready", after=before)


@pytest.fixture
async def data(editor: Editor, workspace: Path) -> Path:
    """The data set, open in the editor, in a workspace that was never trained."""
    await editor.until_status("untrained")
    path = workspace / "train.jsonl"
    editor.open(path)
    return path


async def test_a_save_trains_once_with_progress_and_status(
    editor: Editor, workspace: Path, data: Path
) -> None:
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


async def test_no_document_needs_to_be_open(editor: Editor, workspace: Path) -> None:
    await editor.until_status("untrained")
    with (workspace / "train.jsonl").open("a") as file:
        file.write(
            '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'
        )
    await editor.until_status("ready")
    assert count_runs(workspace) == 1


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
    said = await editor.until_said("train.jsonl:1 JL002")
    assert said.startswith("Not trained: ")
    assert "trailing comma" in said
    editor.save(data)  # still broken: said in the status, not in another message box
    before = len(editor.statuses)
    editor.replace(data, '"OFF"', '"off"')
    editor.save(data)
    await editor.until(lambda: len([said for said in editor.said if "JL002" in said]) >= 3)
    assert len([shown for shown in editor.shown if "JL002" in shown]) == 1
    assert count_runs(workspace) == 0
    await saved_and_trained(editor, data, '"ON"}],}', '"ON"}]}')
    assert len(editor.statuses) > before


async def test_an_error_in_another_file_of_the_recipe_blocks(
    editor: Editor, workspace: Path, data: Path
) -> None:
    recipe = workspace / "recipe.yaml"
    (workspace / "eval.jsonl").write_text("{broken\n")
    editor.open(recipe)
    editor.replace(recipe, "sequence_len", "test_datasets:\n  - path: eval.jsonl\nsequence_len")
    editor.save(recipe)
    await editor.until_said("Not trained: eval.jsonl:1 JL002")
    (workspace / "eval.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')  # by another program
    await editor.until_status("ready")


async def test_a_save_during_a_run_is_looked_at_after_it(editor: Editor, workspace: Path, data: Path) -> None:
    behave(workspace, "slow")
    editor.replace(data, '"ON"', '"on"')
    editor.save(data)
    await editor.until(lambda: any(status.step == 1 for status in editor.statuses))  # the data was read
    editor.replace(data, '"OFF"', '"off"')
    editor.save(data)
    await editor.until_said("when this training has ended")
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
    assert await editor.lenses(recipe) == [(0, "Stop training", "lintune.stop")]
    assert await editor.command("lintune.train", recipe.as_uri()) is False
    await editor.until_said("A training is going on. Wait for it, or stop it first.")
    assert await editor.command("lintune.stop") is True
    await editor.until_said("The training was stopped after step 1.")
    await editor.until_status("untrained", after=len(editor.statuses) - 1)
    assert await editor.lenses(recipe) == [(0, "Train", "lintune.train")]


async def test_train_by_hand_needs_no_change(editor: Editor, workspace: Path, data: Path) -> None:
    await saved_and_trained(editor, data, '"ON"', '"on"')
    before = len(editor.statuses)
    assert await editor.command("lintune.train", data.as_uri()) is True, "of a data set: its recipe"
    await editor.until_status("ready", after=before)
    assert await editor.command("lintune.train") is True, "without a URI: the only recipe"
    await editor.until(lambda: count_runs(workspace) == 3)


async def test_a_killed_trainer_is_told_and_the_next_save_trains(
    editor: Editor, workspace: Path, data: Path
) -> None:
    behave(workspace, "die")
    editor.replace(data, '"ON"', '"on"')
    editor.save(data)
    failed = await editor.until_status("failed")
    assert "The trainer was killed" in failed.detail
    assert "The next save trains again" in failed.detail
    assert editor.shown == [failed.detail]
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
async def test_why_a_run_failed_is_told(
    editor: Editor, workspace: Path, data: Path, how: str, words: str
) -> None:
    behave(workspace, how)
    editor.replace(data, '"ON"', '"on"')
    editor.save(data)
    assert (await editor.until_status("failed")).detail == words
    assert editor.shown == [words]


async def test_bad_requests_to_train_get_one_sentence(
    editor: Editor, workspace: Path, tmp_path: Path
) -> None:
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


async def test_before_the_first_run_there_is_no_one_to_ask(editor: Editor, data: Path) -> None:
    assert await editor.command("lintune.ask", data.as_uri(), 0) is None
    assert editor.shown == ["There is no tuned model yet. Train the recipe first."]


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


async def test_a_client_that_dies_takes_the_trainer_with_it(
    editor: Editor, workspace: Path, data: Path
) -> None:
    behave(workspace, "hang")
    editor.replace(data, '"ON"', '"on"')
    editor.save(data)
    await editor.until(lambda: any(status.step == 1 for status in editor.statuses))
    (trainer,) = psutil.Process(editor.process.pid).children()
    assert editor.process.stdin
    editor.process.stdin.close()
    await editor.until(lambda: editor.process.returncode is not None)
    assert not trainer.is_running()
