"""The runs of a workspace over the wire: listed, told of, compared, deleted, exported."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from lsprotocol import types

from lintune_schemas import events, runs
from lintune_schemas.events import RunCancelled
from lintune_server.language_server import convert

from ..cli.recorded import data, record, sample, started, step, whole
from .trainings import behave

if TYPE_CHECKING:
    from pathlib import Path

    from .editor import Editor

OLD, NEW = "20261125T094724Z-b29664ca", "20261125T101941Z-a3f93b22"


@pytest.fixture
def workspace(workspace: Path) -> Path:
    """With two finished runs. Before the second, the data and the recipe were changed."""
    recipe = workspace / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("train_on_save: true", "train_on_save: false"))
    samples = [sample(number) for number in range(20)]
    data(workspace / "train.jsonl", samples)
    data(workspace / "eval.jsonl", [sample(number) for number in range(90, 94)])
    record(workspace, OLD, whole(OLD))
    data(workspace / "train.jsonl", [*samples[1:], sample(77, "off"), sample(78, "off")])
    record(workspace, NEW, whole(NEW, 0.2, device="NVIDIA L4"), learning_rate=1e-3)
    return workspace


async def listed(editor: Editor) -> list[Any]:
    """The recipes."""
    found = await editor.client.protocol.send_request_async("lintune/runs", {})
    return list(found.recipes)


async def runs_of(editor: Editor) -> list[Any]:
    (recipe,) = await listed(editor)
    return list(recipe.runs)


def folder_of(workspace: Path, name: str) -> Path:
    return runs.runs_folder(workspace) / name


async def test_the_recipes_with_their_runs_newest_first(editor: Editor, workspace: Path) -> None:
    (recipe,) = await listed(editor)
    assert (recipe.uri, recipe.name) == ((workspace / "recipe.yaml").as_uri(), "recipe.yaml")
    newest, oldest = recipe.runs
    assert (newest.name, oldest.name) == (NEW, OLD)
    assert newest.path == str(folder_of(workspace, NEW))
    assert (newest.state, newest.line) == ("finished", "3.000 → 0.400 · 0:42")
    assert (newest.evalLoss.base, newest.exactMatch, newest.device) == (3.0, 0.75, "NVIDIA L4")
    assert (newest.step, newest.totalSteps, newest.canResume, newest.canDelete) == (40, 40, False, True)
    assert newest.bytes == sum(path.stat().st_size for path in folder_of(workspace, NEW).rglob("*") if path.is_file())


async def test_what_a_run_has_left(editor: Editor, workspace: Path) -> None:
    run = folder_of(workspace, NEW)
    (run / "checkpoints" / "checkpoint-20").mkdir(parents=True)
    (run / "model-q4_k_m.gguf").write_bytes(b"1" * 100)
    (run / "model-q8_0.gguf.rejected").write_bytes(b"1" * 200)
    (run / "README.md").write_text("# A card")
    proof: dict[str, Any] = {"run": NEW, "time": "", "seconds": 1, "ok": False, "checks": []}
    proof["files"] = [{"name": "model-q4_k_m.gguf", "ok": True, "bytes": 100}]
    keys = ("token_samples", "samples", "tokens", "positions", "cut", "answers", "ended")
    proof["work"] = dict.fromkeys(keys, 0)
    (run / "verify.json").write_text(json.dumps(proof))
    found, other = await runs_of(editor)
    assert [(one.step, one.best, round(one.evalLoss, 3)) for one in found.checkpoints] == [(20, True, 0.3)]
    assert [(one.name, one.proven) for one in found.exports] == [
        ("model-q4_k_m.gguf", True),
        ("model-q8_0.gguf.rejected", False),
    ]
    assert found.line.endswith(" · q4_k_m")
    assert found.card == str(run / "README.md")
    assert (other.checkpoints, other.exports, other.card) == ([], [], None)
    page = await editor.client.protocol.send_request_async("lintune/runPage", {"run": str(run)})
    assert "| checkpoint ★ | 20 | 0.300 | 1.35 | 50% |" in page.markdown
    gone = await editor.client.protocol.send_request_async("lintune/runPage", {"run": str(run) + "0"})
    assert gone.markdown == ""


async def test_runs_of_recipes_that_are_not_there_any_more(editor: Editor, workspace: Path) -> None:
    other = "20261125T120000Z-00000000"
    record(workspace, other, whole(other, recipe="gone.recipe.yaml"))
    known, gone = await listed(editor)
    assert [(one.name, one.exists, len(one.runs)) for one in (known, gone)] == [
        ("recipe.yaml", True, 2),
        ("gone.recipe.yaml", False, 1),
    ]


async def test_states_and_how_far_a_run_came(editor: Editor, workspace: Path) -> None:
    stopped, dead, damaged = (f"20261126T12000{number}Z-00000000" for number in range(3))
    record(workspace, stopped, [started(stopped), step(stopped, 1, 2.0), RunCancelled(run=stopped, step=1)])
    record(workspace, dead, [started(dead)])
    record(workspace, damaged, whole(damaged))
    path = folder_of(workspace, damaged) / runs.EVENTS
    path.write_bytes(path.read_bytes() + b"no event\n")
    third, second, first, *_ = await runs_of(editor)
    assert (first.state, first.line) == ("cancelled", "stopped at step 1/40")
    assert (second.state, second.line) == ("dead", "killed before its first step")
    assert (third.state, third.damage) == ("finished", "1 lines of events.jsonl are damaged, or of a newer Lintune.")
    assert [one.canResume for one in (third, second, first)] == [False, False, False], "only the newest one can be"
    path.unlink()
    second, *_ = await runs_of(editor)
    assert second.canResume


async def test_the_client_is_told_of_what_other_programs_do(editor: Editor, workspace: Path) -> None:
    await runs_of(editor)
    other = "20261126T120000Z-00000000"
    record(workspace, other, [started(other)])
    await editor.until(lambda: editor.runs_changed)
    assert {params.recipe for params in editor.runs_changed} == {(workspace / "recipe.yaml").as_uri()}
    assert (await runs_of(editor))[0].name == other
    editor.runs_changed.clear()
    with (folder_of(workspace, other) / runs.EVENTS).open("ab") as log:
        log.write(events.encode(step(other, 1, 2.0)) + b"\n")
    await editor.until(lambda: editor.runs_changed)
    assert (await runs_of(editor))[0].step == 1


@pytest.mark.usefixtures("scripted_trainer")
async def test_a_training_is_followed_and_not_deleted(editor: Editor, workspace: Path) -> None:
    await runs_of(editor)
    behave(workspace, "gate")
    assert await editor.command("lintune.train", (workspace / "recipe.yaml").as_uri()) is True
    await editor.until(lambda: editor.runs_changed and any(status.step == 1 for status in editor.statuses))
    run = next(one for one in await runs_of(editor) if one.state == "running")
    assert run.line == "step 1/3 · loss 1.00 · 0:02 left"
    assert (run.canDelete, run.canExport, run.canResume) == (False, False, False)
    assert await editor.command("lintune.deleteRuns", [run.path]) == []
    assert editor.shown == [f"The run {run.name} is going on. Stop it first."]
    before = len(editor.statuses)
    (workspace / "go").touch()
    await editor.until_status("ready", after=before)
    assert next(one for one in await runs_of(editor) if one.path == run.path).line == "loss 0.333 · 0:02"


async def test_runs_are_deleted_and_everybody_is_told(editor: Editor, workspace: Path) -> None:
    status = await editor.until_status("ready")
    assert status.run == str(folder_of(workspace, NEW))
    await runs_of(editor)
    assert await editor.command("lintune.deleteRuns", [status.run]) == [status.run]
    assert not folder_of(workspace, NEW).exists()
    await editor.until(lambda: editor.runs_changed)
    assert (await editor.until_status("ready", after=1)).run == str(folder_of(workspace, OLD))
    assert [one.name for one in await runs_of(editor)] == [OLD]
    assert list(runs.runs_folder(workspace).iterdir()) == [folder_of(workspace, OLD)], "and nothing is left of it"
    assert await editor.command("lintune.deleteRuns", [str(folder_of(workspace, OLD)), status.run]) == [
        str(folder_of(workspace, OLD))
    ]
    assert editor.shown == [f"The run {NEW} is not there any more."]
    await editor.until_status("untrained")
    assert await runs_of(editor) == []


async def test_nothing_but_runs_of_the_workspace_is_deleted(editor: Editor, workspace: Path, tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    record(workspace, "20261126T120000Z-00000000", [])
    inside = runs.runs_folder(workspace)
    for path in (workspace, workspace / "train.jsonl", outside, inside, inside / ".."):
        assert await editor.command("lintune.deleteRuns", [str(path)]) == []
        assert path.exists()
    assert len(editor.shown) == 5


async def test_two_runs_are_compared_on_a_page(editor: Editor, workspace: Path) -> None:
    paths = [str(folder_of(workspace, name)) for name in (NEW, OLD)]
    uri = await editor.command("lintune.compareRuns", *paths, {"show": False})
    path = convert.path_of(uri)
    assert path
    page = path.read_text(encoding="utf-8")
    assert f"| run | {OLD} | {NEW} |".replace("-", "\\-") in page, "the older one first"
    assert "| learning\\_rate | 0.0002 | **0.001** |" in page
    assert "- **train.jsonl** 20 → 21 samples\n  - 19 unchanged\n  - 2 added: lines 20, 21\n" in page
    assert "\n  - 1 removed: line 1 of A\n" in page

    assert "| final evaluation loss | 0.700 | **0.400** |" in page
    assert (path.name, "](loss.svg)" in page) == ("b29664ca and a3f93b22.md", True)
    assert path.with_name("loss.svg").read_text(encoding="utf-8").startswith("<svg")
    assert await editor.command("lintune.compareRuns", paths[0], paths[0]) is None
    assert editor.shown == ["Choose two runs to compare."]


@pytest.fixture
def finished(workspace: Path, scripted_trainer: None) -> str:
    """The path of a run that can be exported, by a scripted trainer."""
    run = folder_of(workspace, NEW)
    (run / "adapter").mkdir()
    return str(run)


async def test_a_run_is_exported(finished: str, editor: Editor, workspace: Path) -> None:
    newest, oldest = await runs_of(editor)
    assert (newest.canExport, oldest.canExport) == (True, False)
    behave(workspace, "gate")
    exporting = asyncio.ensure_future(editor.command("lintune.exportRun", finished, ["q4_k_m", "q8_0"]))
    await editor.until(lambda: editor.runs_changed)
    newest, _ = await runs_of(editor)
    assert (newest.line, newest.canExport, newest.canDelete) == ("exporting …", False, False)
    assert await editor.command("lintune.deleteRuns", [finished]) == []
    assert await editor.command("lintune.exportRun", finished, ["q8_0"]) is False
    assert await editor.command("lintune.train", (workspace / "recipe.yaml").as_uri()) is False
    assert editor.shown == [
        f"The run {NEW} is being worked on. Wait for its end, or cancel it.",
        "A training or an export is going on. Wait for it, or stop it first.",
        "An export is going on. Wait for it, or cancel it first.",
    ]
    (workspace / "go").touch()
    assert await exporting is True
    assert editor.shown[3:] == [
        f"Run {NEW}: Wrote model-q4_k_m.gguf (4 MB), model-q8_0.gguf (4 MB). All files equal the trained model."
    ]
    begin, *_, end = editor.progress[0]
    assert (begin.title, begin.cancellable, end.message) == (f"Exporting {workspace.name}", True, "The export is done.")
    newest, _ = await runs_of(editor)
    assert {one.quantization for one in newest.exports} == {"q4_k_m", "q8_0"}


async def test_an_export_that_differs_or_is_cancelled(finished: str, editor: Editor, workspace: Path) -> None:
    behave(workspace, "differ")
    assert await editor.command("lintune.verifyRun", finished) is False
    assert editor.shown == [f"{NEW}: The export is not the model that was trained (tokenizer)."]
    behave(workspace, "gate")
    exporting = asyncio.ensure_future(editor.command("lintune.exportRun", finished, ["f16"]))
    await editor.until(lambda: len(editor.progress) == 2)
    (token,) = list(editor.client.progress_reports)[1:]
    editor.client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(token))
    assert await exporting is False
    await editor.until_said(f"{NEW}: The export was stopped.")
    assert not (folder_of(workspace, NEW) / "model-f16.gguf").exists()
    assert len(editor.shown) == 1, "who stopped it knows"


async def test_what_cannot_be_exported(finished: str, editor: Editor, workspace: Path) -> None:
    assert await editor.command("lintune.exportRun", finished, ["q9"]) is False
    assert await editor.command("lintune.exportRun", str(workspace), ["f16"]) is False
    behave(workspace, "refuse")
    assert await editor.command("lintune.exportRun", finished, ["f16"]) is False
    assert [message.partition(".")[0] for message in editor.shown] == [
        "q9 is no quantization",
        f"{workspace} is no run of a recipe in this workspace",
        f"{NEW}: The export could not be done: Another training is running here",
    ]


async def test_nothing_is_exported_without_trust(finished: str, new_editor: Editor, workspace: Path) -> None:
    await new_editor.start(workspace, {"trusted": False})
    assert len(await runs_of(new_editor)) == 2
    assert await new_editor.command("lintune.exportRun", finished, ["f16"]) is False
    assert new_editor.shown == ["No model is loaded in a workspace that is not trusted. Trust it first."]


async def test_no_export_survives_the_server(finished: str, editor: Editor, workspace: Path) -> None:
    behave(workspace, "gate")
    exporting = asyncio.ensure_future(editor.command("lintune.exportRun", finished, ["f16"]))
    (child,) = await editor.until(lambda: psutil.Process(editor.process.pid).children())
    await editor.leave()
    exporting.cancel()
    assert not child.is_running()
