"""Runs read along over the wire: by offsets, told of what is new, whoever writes it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from pygls.exceptions import JsonRpcException

from lintune_schemas import events, runs
from lintune_schemas.events import Progress, RunCancelled, RunFinished, RunStarted

from ..training.at_work import trainer_at_work
from .editor import Editor

NAME = "20260101T120000Z-0badcafe"


def started(pid: int) -> RunStarted:
    return RunStarted(
        run=NAME, recipe="recipe.yaml", run_dir=f".lintune/runs/{NAME}", pid=pid, base_model="smollm2-135m-instruct",
        samples=2, eval_samples=0, trained_tokens=8, total_steps=3, device="CPU, 2 threads",
    )  # fmt: skip


def step(number: int) -> Progress:
    return Progress(
        run=NAME, step=number, total_steps=3, epoch=number / 3, loss=1 / number, learning_rate=1e-4,
        tokens_per_second=100, eta_seconds=3 - number,
    )  # fmt: skip


def append(run: Path, *those: events.Event, end: bytes = b"\n") -> None:
    run.mkdir(parents=True, exist_ok=True)
    with (run / runs.EVENTS).open("ab") as file:
        file.write(b"\n".join(events.encode(one) for one in those) + end)


@pytest.fixture
def run(workspace: Path) -> Path:
    """A run whose trainer died after its first step."""
    folder = runs.runs_folder(workspace) / NAME
    append(folder, started(pid=1), step(1))
    return folder


@pytest.fixture
def changed(new_editor: Editor) -> list[str]:
    """The runs of which it was said that there is more, as often as it was said."""
    told: list[str] = []
    new_editor.client.feature("lintune/runChanged")(lambda params: told.append(params.run))
    return told


@pytest.fixture
async def editor(run: Path, changed: list[str], new_editor: Editor, workspace: Path) -> Editor:
    await new_editor.start(workspace)
    return new_editor


async def read(editor: Editor, run: Path | str, after: int = 0) -> Any:
    return await editor.client.protocol.send_request_async("lintune/events", {"run": str(run), "after": after})


def steps(answer: Any) -> list[int]:
    lines = [json.loads(line) for line in answer.lines.splitlines()]
    return [line["step"] for line in lines if line["event"] == "progress"]


async def test_what_is_behind_a_byte(editor: Editor, run: Path, workspace: Path) -> None:
    first = await read(editor, run)
    assert [json.loads(line)["event"] for line in first.lines.splitlines()] == ["run_started", "progress"]
    assert (first.after, first.next, first.more) == (0, (run / runs.EVENTS).stat().st_size, False)
    assert (first.state, first.resumable, first.recipe) == ("dead", True, (workspace / "recipe.yaml").as_uri())

    append(run, step(2))
    second = await read(editor, run, first.next)
    assert (steps(second), second.after) == ([2], first.next)
    third = await read(editor, run, second.next)
    assert (third.lines, third.next) == ("", second.next)


async def test_a_line_that_is_half_written_waits(editor: Editor, run: Path) -> None:
    first = await read(editor, run)
    whole = events.encode(step(2))
    append(run, end=whole[:20])
    second = await read(editor, run, first.next)
    assert (second.lines, second.next) == ("", first.next)
    append(run, end=whole[20:] + b"\n")
    assert steps(await read(editor, run, first.next)) == [2]


async def test_it_is_told_of_more_and_of_the_end(editor: Editor, run: Path, changed: list[str]) -> None:
    seen = await read(editor, run)
    append(run, step(2))
    await editor.until(lambda: changed)
    assert set(changed) == {str(run)}
    seen = await read(editor, run, seen.next)
    count = len(changed)
    append(run, RunFinished(run=NAME, seconds=3, eval_loss_before=None, eval_loss_after=None, model=None))
    await editor.until(lambda: len(changed) > count)
    last = await read(editor, run, seen.next)
    assert (last.state, last.resumable) == ("finished", False)


async def test_many_events_at_once_are_told_a_few_times(editor: Editor, run: Path, changed: list[str]) -> None:
    after = (await read(editor, run)).next
    for _ in range(400):
        append(run, step(2))
    got: list[int] = []
    while len(got) < 400:
        answer = await read(editor, run, after)
        got += steps(answer)
        after = answer.next
    await editor.until(lambda: changed)
    assert len(changed) < 40


async def test_a_large_record_comes_in_pages(editor: Editor, run: Path) -> None:
    append(run, *(step(1 + number % 3) for number in range(10_000)))
    after, count, pages = 0, 0, 0
    while True:
        answer = await read(editor, run, after)
        count += len(steps(answer))
        pages += 1
        after = answer.next
        if not answer.more:
            break
    assert count == 10_001
    assert pages == 1 + (run / runs.EVENTS).stat().st_size // (1 << 20)


@pytest.mark.parametrize("dies", [True, False])
async def test_whether_a_trainer_is_at_work(
    editor: Editor, run: Path, workspace: Path, changed: list[str], dies: bool
) -> None:
    """Of any program: its lock says so."""
    with trainer_at_work(workspace) as trainer:
        (run / runs.EVENTS).unlink()
        append(run, started(trainer.pid), step(1))
        first = await read(editor, run)
        assert (first.state, first.resumable) == ("running", False)
        if not dies:
            append(run, RunCancelled(run=NAME, step=1))
    await editor.until(lambda: changed)
    last = await read(editor, run, first.next)
    assert (last.state, last.resumable) == ("dead" if dies else "cancelled", True)
    with FileLock(runs.train_lock(workspace), timeout=5):
        pass


async def test_a_directory_that_is_deleted_while_it_is_read(editor: Editor, run: Path, changed: list[str]) -> None:
    first = await read(editor, run)
    shutil.rmtree(run)
    await editor.until(lambda: changed)
    gone = await read(editor, run, first.next)
    assert (gone.state, gone.lines, gone.recipe) == ("gone", "", None)
    assert editor.shown == []


async def test_a_record_that_was_written_anew_is_read_from_its_beginning(editor: Editor, run: Path) -> None:
    first = await read(editor, run)
    (run / runs.EVENTS).unlink()
    append(run, started(1))
    again = await read(editor, run, first.next)
    assert (again.after, len(again.lines.splitlines())) == (0, 1)


async def test_only_runs_of_the_workspace_are_read(editor: Editor, run: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "other" / ".lintune" / "runs" / NAME
    append(elsewhere, started(1))
    (run.parent / "link").symlink_to(elsewhere)
    for path in (elsewhere, run / "..", run.parent / "link", "/etc", ""):
        with pytest.raises(JsonRpcException, match="run"):
            await read(editor, path)
    assert editor.shown == []


async def test_the_run_to_show_first(editor: Editor, run: Path, workspace: Path) -> None:
    newer = run.with_name("20270101T120000Z-0badcafe")
    append(newer, started(1))
    answer = await editor.client.protocol.send_request_async("lintune/currentRun", {})
    assert (answer.run, answer.training) == (str(newer), False)
    shutil.rmtree(workspace / ".lintune")
    answer = await editor.client.protocol.send_request_async("lintune/currentRun", {})
    assert (answer.run, answer.training) == (None, False)


async def test_an_untrusted_workspace_may_be_looked_at(new_editor: Editor, run: Path, workspace: Path) -> None:
    await new_editor.start(workspace, {"trusted": False})
    assert steps(await read(new_editor, run)) == [1]
