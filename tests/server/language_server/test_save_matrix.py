"""Every way of saving, over a real server and a real file system: the runs that start are exactly those that should."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from lintune_schemas import runs as run_files
from lintune_server.training import preflight, runs
from lintune_server.training.runs import RunState

from .editor import Editor
from .trainings import behave

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.long]

AT_REST = "nothing changed since the last training"
MEANWHILE = "Nothing changed since the beginning of the training that is going on"
CANCELLED, FINISHED = RunState.CANCELLED, RunState.FINISHED


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


def states(workspace: Path) -> list[RunState]:
    """Of all runs, in the order in which they began."""
    return [runs.read(folder).state for folder in reversed(list(run_files.run_directories(workspace)))]


def last_fingerprint(workspace: Path) -> str | None:
    return runs.read(next(run_files.run_directories(workspace))).fingerprint


async def settled(editor: Editor, data: Path) -> None:
    """All saves so far were looked at, and what they led to has ended."""
    while True:
        seen = len(editor.said)
        data.touch()
        await editor.until(lambda: any(AT_REST in said or MEANWHILE in said for said in editor.said[seen:]))  # noqa: B023
        if any(AT_REST in said for said in editor.said[seen:]):
            return
        await asyncio.sleep(0.2)


@pytest_asyncio.fixture(loop_scope="session")
async def data(editor: Editor, workspace: Path) -> Path:
    """The data set of a workspace that was trained once, open in no editor; its recipe is."""
    editor.open(workspace / "recipe.yaml")
    await editor.until_status("untrained")
    assert await editor.command("lintune.train", (workspace / "recipe.yaml").as_uri()) is True
    await editor.until_status("ready")
    path = workspace / "train.jsonl"
    await settled(editor, path)
    assert states(workspace) == [FINISHED]
    return path


def touch(data: Path) -> None:
    data.touch()


def format_only(data: Path) -> None:
    data.write_text(data.read_text().replace('"content": "ON"', '"content" :   "ON"'))


def order_of_keys(data: Path) -> None:
    data.write_text(
        data.read_text().replace('"role": "user", "content": "Lamp on"', '"content": "Lamp on", "role": "user"')
    )


def comment_in_the_recipe(data: Path) -> None:
    recipe = data.with_name("recipe.yaml")
    recipe.write_text("# Lamps\n" + recipe.read_text().replace("256", "256  # enough"))


def recreated_as_it_was(data: Path) -> None:
    text = data.read_text()
    data.unlink()
    data.write_text(text)


def older_by_the_clock(data: Path) -> None:
    os.utime(data, (1, 1))


@pytest.mark.parametrize(
    "save", [touch, format_only, order_of_keys, comment_in_the_recipe, recreated_as_it_was, older_by_the_clock]
)
async def test_a_save_of_the_same_does_not_train(
    save: Callable[[Path], None], editor: Editor, workspace: Path, data: Path
) -> None:
    before = len(editor.statuses)
    save(data)
    await settled(editor, data)
    assert states(workspace) == [FINISHED]
    assert all(AT_REST in status.detail for status in editor.statuses[before:])
    assert editor.shown == []


def changed(data: Path, answer: str = "On") -> str:
    return data.read_text().replace('"ON"', f'"{answer}"')


def in_place(data: Path) -> None:
    data.write_text(changed(data))


def by_another_program(data: Path) -> None:
    subprocess.run(["sed", "-i", 's/"ON"/"On"/', data], check=True)


def appended(data: Path) -> None:
    sample = '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'
    with data.open("a") as file:
        file.write(sample)


def renamed(data: Path) -> None:
    beside = data.with_name(".train.jsonl.swp")
    beside.write_text(changed(data))
    beside.replace(data)


def backed_up(data: Path) -> None:
    """As Vim does it: the old file becomes a backup, the new one gets its name."""
    text = changed(data)
    data.rename(data.with_name("train.jsonl~"))
    data.write_text(text)
    data.with_name("train.jsonl~").unlink()


def recreated(data: Path) -> None:
    text = changed(data)
    data.unlink()
    data.write_text(text)


def clock_set_back(data: Path) -> None:
    """Between two saves: the file is older than before."""
    data.write_text(changed(data))
    os.utime(data, (1, 1))


def time_and_size_as_before(data: Path) -> None:
    times = data.stat()
    data.write_text(changed(data))
    os.utime(data, ns=(times.st_atime_ns, times.st_mtime_ns))


def value_in_the_recipe(data: Path) -> None:
    recipe = data.with_name("recipe.yaml")
    recipe.write_text(recipe.read_text().replace("256", "128"))


def git(data: Path, *arguments: str) -> None:
    who = ["-c", "user.name=me", "-c", "user.email=me@here"]
    subprocess.run(["git", *who, *arguments], cwd=data.parent, check=True, capture_output=True)


def checked_out(data: Path) -> None:
    git(data, "init", "-q")
    git(data, "add", "recipe.yaml", "train.jsonl")
    git(data, "commit", "-qm", "as it was")
    git(data, "checkout", "-qb", "other")
    data.write_text(changed(data))
    git(data, "commit", "-qam", "as it is")
    git(data, "checkout", "-q", "-")
    git(data, "checkout", "-q", "other")


@pytest.mark.parametrize(
    "save",
    [
        in_place,
        by_another_program,
        appended,
        renamed,
        backed_up,
        recreated,
        clock_set_back,
        time_and_size_as_before,
        value_in_the_recipe,
        checked_out,
    ],
)
async def test_a_save_of_something_else_trains_once(
    save: Callable[[Path], None], editor: Editor, workspace: Path, data: Path
) -> None:
    save(data)
    await editor.until(lambda: len(states(workspace)) > 1)
    await settled(editor, data)
    assert states(workspace) == [FINISHED, FINISHED]
    assert last_fingerprint(workspace) == preflight.inspect(workspace / "recipe.yaml").fingerprint


async def test_ten_saves_in_a_second_train_once(editor: Editor, workspace: Path, data: Path) -> None:
    for number in range(10):
        data.write_text(
            data.read_text().replace('"ON"', f'"ON {number}"').replace(f'"ON {number - 1}"', f'"ON {number}"')
        )
        await asyncio.sleep(0.1)
    await editor.until(lambda: len(states(workspace)) > 1)
    await settled(editor, data)
    assert states(workspace) == [FINISHED, FINISHED]
    assert last_fingerprint(workspace) == preflight.inspect(workspace / "recipe.yaml").fingerprint


async def test_a_large_data_set_is_looked_at_by_the_analyst(editor: Editor, workspace: Path, data: Path) -> None:
    def analysts() -> list[psutil.Process]:
        children = psutil.Process(editor.process.pid).children()
        return [one for one in children if "lintune_server.analyst" in one.cmdline()]

    for one in analysts():  # of other tests
        one.kill()
    await editor.until(lambda: not analysts())
    first = data.read_text().splitlines(keepends=True)[0]
    data.write_text("".join(first.replace("Lamp on", f"Lamp {number} on") for number in range(6_000)))
    await editor.until(analysts)
    await editor.until(lambda: len(states(workspace)) > 1)
    await settled(editor, data)
    assert states(workspace) == [FINISHED, FINISHED]
    assert last_fingerprint(workspace) == preflight.inspect(workspace / "recipe.yaml").fingerprint


async def test_an_error_blocks_until_it_is_mended(editor: Editor, workspace: Path, data: Path) -> None:
    good = changed(data)
    for broken in (good.replace('"assistant"', '"assistent"', 1), good + "{\n"):
        data.write_text(broken)
        said = await editor.until_said(f"Not trained: train.jsonl:{3 if broken.endswith('{') else 1}"[:26])
        assert "Correct it and save." in said
        editor.client.log_messages.clear()
    assert states(workspace) == [FINISHED]
    data.write_text(good)
    await editor.until(lambda: len(states(workspace)) > 1)
    await settled(editor, data)
    assert states(workspace) == [FINISHED, FINISHED]


async def test_a_folder_that_is_replaced_is_watched_on(editor: Editor, workspace: Path, data: Path) -> None:
    folder, recipe = workspace / "data", workspace / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("path: train.jsonl", "path: data/train.jsonl"))
    await editor.until_said("does not exist. Correct its path in the recipe.")
    samples = [data.read_text(), changed(data), changed(data, "on")]
    for number, text in enumerate(samples, start=2):
        folder.mkdir()
        (folder / "train.jsonl").write_text(text)
        if number > 2:  # the samples of the first are those that were trained already; but the recipe is another
            shutil.rmtree(workspace / "old")
        await editor.until(lambda: len(states(workspace)) == number)  # noqa: B023
        await settled(editor, folder / "train.jsonl")
        folder.rename(workspace / "old")
    assert states(workspace) == [FINISHED] * 4


# During a run


async def begun(editor: Editor, workspace: Path, data: Path, mode: str) -> None:
    """A run goes on that ends when it is let."""
    recipe = workspace / "recipe.yaml"
    recipe.write_text(
        recipe.read_text().replace("  train_on_save: true", f"  train_on_save: true\n  on_change: {mode}")
    )
    await settled(editor, data)
    assert states(workspace) == [FINISHED], "how saves are treated is nothing that is trained"
    behave(workspace, "gate")
    before = len(editor.statuses)
    data.write_text(changed(data))
    await editor.until(lambda: any(status.step == 1 for status in editor.statuses[before:]))


async def let_end(editor: Editor, workspace: Path) -> None:
    before = len(editor.statuses)
    (workspace / "go").touch()
    await editor.until_status("ready", after=before)


async def note(editor: Editor, words: str) -> None:
    """It is said in the log, and in the status that goes on."""
    await editor.until(lambda: [one for one in editor.client.log_messages if words in one.message])
    await editor.until(lambda: [one for one in editor.statuses if words in one.detail and one.state == "training"])


async def test_queue_trains_once_more_with_the_last_save(editor: Editor, workspace: Path, data: Path) -> None:
    await begun(editor, workspace, data, "queue")
    for answer in ("a", "b", "c"):
        seen = len(editor.client.log_messages)
        data.write_text(data.read_text().replace('"OFF"', f'"OFF{answer}"').replace('"OFFa"', f'"OFF{answer}"'))
        await editor.until(lambda: len(editor.client.log_messages) > seen or answer == "c")  # noqa: B023
        await note(editor, "Saved during a training: looked at again when it has ended.")
    await let_end(editor, workspace)
    await editor.until(lambda: len(states(workspace)) == 3)
    await settled(editor, data)
    assert states(workspace) == [FINISHED] * 3
    assert last_fingerprint(workspace) == preflight.inspect(workspace / "recipe.yaml").fingerprint


async def test_what_was_queued_and_taken_back_does_not_train(editor: Editor, workspace: Path, data: Path) -> None:
    await begun(editor, workspace, data, "queue")
    as_it_is_trained = data.read_text()
    data.write_text(as_it_is_trained.replace('"OFF"', '"off"'))
    await note(editor, "Saved during a training: looked at again when it has ended.")
    data.write_text(as_it_is_trained)
    await note(editor, MEANWHILE)
    await let_end(editor, workspace)
    await settled(editor, data)
    assert states(workspace) == [FINISHED] * 2


async def test_supersede_stops_the_run_and_trains_the_new(editor: Editor, workspace: Path, data: Path) -> None:
    await begun(editor, workspace, data, "supersede")
    data.write_text(data.read_text().replace('"OFF"', '"off"'))
    await note(editor, "Saved during a training: a new one begins in its place.")
    await editor.until(lambda: len(states(workspace)) == 3)
    await let_end(editor, workspace)
    await settled(editor, data)
    assert states(workspace) == [FINISHED, CANCELLED, FINISHED]
    assert last_fingerprint(workspace) == preflight.inspect(workspace / "recipe.yaml").fingerprint


async def test_finish_trains_nothing_until_the_next_save(editor: Editor, workspace: Path, data: Path) -> None:
    await begun(editor, workspace, data, "finish")
    data.write_text(data.read_text().replace('"OFF"', '"off"'))
    await note(editor, "Saved during a training, which goes on without it: the next save after its end trains.")
    await let_end(editor, workspace)
    await asyncio.sleep(1)
    assert states(workspace) == [FINISHED] * 2
    data.touch()
    await editor.until(lambda: len(states(workspace)) == 3)
    await settled(editor, data)
    assert states(workspace) == [FINISHED] * 3


@pytest.mark.parametrize("mode", ["queue", "supersede", "finish"])
@pytest.mark.parametrize("save", [touch, format_only, comment_in_the_recipe])
async def test_a_save_of_the_same_during_a_run_changes_nothing(
    save: Callable[[Path], None], mode: str, editor: Editor, workspace: Path, data: Path
) -> None:
    await begun(editor, workspace, data, mode)
    save(data)
    await note(editor, MEANWHILE)
    await let_end(editor, workspace)
    await settled(editor, data)
    assert states(workspace) == [FINISHED] * 2


async def test_an_error_during_a_run_does_not_touch_it(editor: Editor, workspace: Path, data: Path) -> None:
    await begun(editor, workspace, data, "supersede")
    data.write_text(data.read_text() + "{\n")
    await note(editor, "Not trained: train.jsonl:3")
    await let_end(editor, workspace)
    assert states(workspace) == [FINISHED] * 2
    assert len([shown for shown in editor.shown if "train.jsonl:3" in shown]) == 1


async def test_a_save_of_another_recipe_waits_for_the_run(editor: Editor, workspace: Path, data: Path) -> None:
    other = workspace / "other.recipe.yaml"
    text = (workspace / "recipe.yaml").read_text()
    (workspace / "other.jsonl").write_text(data.read_text())
    other.write_text(text.replace("train.jsonl", "other.jsonl").replace("256", "64"))
    editor.open(other)
    await begun(editor, workspace, data, "supersede")
    (workspace / "other.jsonl").write_text(data.read_text())
    await editor.until_said("other.recipe.yaml was saved: looked at when this training has ended.")
    await let_end(editor, workspace)
    await editor.until(lambda: len(states(workspace)) == 3)
    await settled(editor, data)
    (its,) = runs.of_recipe(other)
    assert its.state is FINISHED
    assert states(workspace) == [FINISHED] * 3
