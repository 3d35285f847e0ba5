"""The runs view, by mouse and keyboard, on runs as a trainer leaves them."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from playwright.sync_api import expect

from lintune_schemas import evaluation_report, runs
from lintune_schemas.events import RunFailed, RunPaused
from lintune_server.evaluation import page as evaluation_page

from ..server.cli.recorded import BEGIN, NEW, OLD, data, record, sample, started, step, time, whole
from ..server.evaluation.reports import Said, report
from ..server.scripted_trainer import FOLDER as SCRIPTED_TRAINER

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from playwright.sync_api import FrameLocator, Locator

    from lintune_schemas.events import Event

    from .window import Window

pytestmark = pytest.mark.slow

FAILED, PAUSED = "20261125T095901Z-b29664ca", "20261125T110502Z-77aa01ff"
RECIPE = """\
base_model: smollm2-135m-instruct
adapter: lora
datasets:
  - path: train.jsonl
test_datasets:
  - path: eval.jsonl
lintune:
  lint: {ignore: [DS]}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder with four runs: finished, failed, finished with exports, paused."""
    folder = tmp_path / "lamps"
    folder.mkdir()
    (folder / "recipe.yaml").write_text(RECIPE)
    samples = [sample(number) for number in range(20)]
    data(folder / "train.jsonl", samples)
    data(folder / "eval.jsonl", [sample(number) for number in range(90, 94)])
    record(folder, OLD, _timed(OLD, whole(OLD)))
    failure = RunFailed(run=FAILED, time=time(2), message="Out of memory: halve micro_batch_size.")
    record(folder, FAILED, _timed(FAILED, [started(FAILED), step(FAILED, 1, 2.5), failure]))
    data(folder / "train.jsonl", [*samples[1:], sample(77, "off"), sample(78, "off")])
    _leave_files(record(folder, NEW, _timed(NEW, whole(NEW, 0.2)), learning_rate=1e-3))
    half = [*whole(PAUSED)[:20], RunPaused(run=PAUSED, time=time(19), step=18)]
    paused = record(folder, PAUSED, _timed(PAUSED, half))
    os.utime(paused / runs.EVENTS, (0, 0))  # long ago: nobody is asked whether to go on with it
    return folder


def _timed(run: str, recorded: list[Event]) -> list[Event]:
    """The events as of the time that the run's name tells."""
    late = datetime.strptime(run[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) - BEGIN
    return [
        msgspec.structs.replace(event, time=(datetime.fromisoformat(event.time) + late).isoformat())
        for event in recorded
    ]


def _leave_files(run: Path) -> None:
    """Exports, one of which was rejected, a checkpoint, a card."""
    (run / "checkpoints" / "checkpoint-20").mkdir(parents=True)
    (run / "adapter").mkdir()
    for name, megabytes in (("model-f16.gguf", 3), ("model-q8_0.gguf", 2), ("model-q4_k_m.gguf.rejected", 1)):
        (run / name).write_bytes(b"\0" * (megabytes << 20))
    (run / "README.md").write_text("# Lamps\n\nA model of lamps.\n")
    evaluated = report([Said("Lamp on", "on", "lit", "on"), Said("Lamp off", "off", "off", "off")])
    (run / evaluation_report.FILE).write_bytes(msgspec.json.encode(evaluated))
    (run / evaluation_report.PAGE).write_text(evaluation_page.render(evaluated))
    files = [{"name": path.name, "ok": path.suffix == ".gguf", "bytes": 1} for path in run.glob("model-*")]
    work = dict.fromkeys(("token_samples", "samples", "tokens", "positions", "cut", "answers", "ended"), 0)
    proof: dict[str, Any] = {"run": run.name, "time": "", "seconds": 1, "ok": False, "checks": []}
    (run / "verify.json").write_text(json.dumps({**proof, "files": files, "work": work}))


class RunsView:
    """The view in the side bar."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.page = window.page
        self.tree = self.page.locator(".pane", has_text="Runs").locator(".customview-tree")

    def open(self) -> None:
        tab = self.page.locator(".activitybar").get_by_role("tab", name=re.compile("^Lintune"))
        if tab.get_attribute("aria-expanded") != "true":
            tab.click()

    def row(self, text: str) -> Locator:
        return self.tree.locator(".monaco-list-row").filter(has_text=text)

    def menu(self, row: Locator, title: str) -> None:
        """Choose from a row's context menu."""
        row.click(button="right")
        self.page.locator(".monaco-menu").get_by_role("menuitem", name=title).hover()
        self.page.keyboard.press("Enter")  # a click so soon counts as part of the one that opened the menu

    def act(self, row: Locator, title: str) -> None:
        """Press a button in a row."""
        row.hover()
        row.get_by_role("button", name=title).click()

    def point_at(self, row: Locator) -> None:
        """Come from elsewhere, and move: a pointer that only appears opens no hover."""
        place = row.bounding_box()
        assert place
        self.page.mouse.move(place["x"] + 600, 500)
        for nudge in (0, 2):
            self.page.mouse.move(place["x"] + 100 + nudge, place["y"] + place["height"] / 2 + nudge / 2)

    def shown_page(self) -> FrameLocator:
        """What is in the web view that is in front."""
        return self.page.frame_locator("iframe.webview.ready:visible").frame_locator("#active-frame")


def test_the_runs_view(open_window: Callable[..., AbstractContextManager[Window]], workspace: Path) -> None:
    settings = {"lintune.pythonPath": sys.executable}
    with open_window(settings, trusted=False, environment={"PYTHONPATH": str(SCRIPTED_TRAINER)}) as window:
        view = RunsView(window)
        view.open()
        expect(view.page.locator(".welcome-view-content")).to_contain_text("trust this workspace")
        window.pictures("runs-not-trusted")
        window.trust()
        view.open()
        _look(view)
        _export(view)
        _compare(view)
        _delete(view, workspace)
        _train(view, workspace)
        _resume(view)


def test_nothing_to_list(open_window: Callable[..., AbstractContextManager[Window]], workspace: Path) -> None:
    """The view says why, and what to do."""
    shutil.rmtree(runs.state_folder(workspace))
    (workspace / "recipe.yaml").unlink()
    with open_window({"lintune.pythonPath": sys.executable}) as window:
        view = RunsView(window)
        view.open()
        expect(view.page.locator(".welcome-view-content")).to_contain_text("There is no recipe in this workspace yet.")
        (workspace / "recipe.yaml").write_text(RECIPE)
        expect(view.row("recipe.yaml")).to_contain_text("not trained yet")
        window.set("lintune.pythonPath", "/nowhere/python")
        expect(view.page.locator(".welcome-view-content")).to_contain_text("language server is not running")
        window.picture("runs-no-server")
        window.set("lintune.pythonPath", sys.executable)
        expect(view.row("recipe.yaml")).to_be_visible()


def _look(view: RunsView) -> None:
    """Each run has its line; below it are its files."""
    expect(view.row("recipe.yaml")).to_contain_text("4 runs")
    expect(view.row("3.000 → 0.400")).to_contain_text("0:42 · q8_0")
    expect(view.row("failed at step 1/40")).to_be_visible()
    expect(view.row("paused at step 18/40")).to_be_visible()
    view.row("3.000 → 0.400").click()
    view.page.keyboard.press("ArrowRight")
    expect(view.row("model-q8_0.gguf")).to_contain_text("2 MB · proven")
    expect(view.row("model-q4_k_m.gguf.rejected")).to_contain_text("rejected")
    expect(view.row("Checkpoint 20")).to_contain_text("eval loss 0.300 · best")
    view.window.pictures("runs")
    view.window.pictures("runs-tooltip", lambda: _hover(view))
    view.page.mouse.move(900, 500)
    view.row("Model card").click()
    expect(view.page.locator(".tab.active")).to_contain_text("README")
    expect(view.row("Evaluation")).to_contain_text("1 fixed, 1 still right")
    view.row("Evaluation").click()
    expect(view.shown_page().get_by_role("heading", name="Base against tuned")).to_be_visible()
    view.row("3.000 → 0.400").click(button="right")
    expect(view.page.locator(".monaco-menu")).to_contain_text("Export as GGUF…")
    view.window.picture("runs-menu")
    view.page.keyboard.press("Escape")


def _hover(view: RunsView) -> None:
    view.point_at(view.row("3.000 → 0.400"))
    expect(view.page.locator(".workbench-hover")).to_contain_text("Step 40 of 40")


def _export(view: RunsView) -> None:
    """What is there already says so; what is chosen is written and proven."""
    view.menu(view.row("3.000 → 0.400"), "Export as GGUF…")
    choices = view.page.locator(".quick-input-list")
    expect(choices.get_by_role("checkbox", name=re.compile("^q8_0,"))).to_contain_text("written, 2 MB")
    expect(choices.get_by_role("checkbox", name=re.compile("^q4_k_m,"))).to_be_checked()
    view.window.picture("runs-export")
    view.page.keyboard.press("Enter")
    expect(view.row("model-q4_k_m.gguf").filter(has_not_text="rejected")).to_be_visible()


def _compare(view: RunsView) -> None:
    view.menu(view.row("3.000 → 0.400"), "Compare With…")
    choices = view.page.locator(".quick-input-list .monaco-list-row")
    expect(choices).to_have_count(3)
    view.page.keyboard.type("0.700")
    expect(choices).to_have_count(1)
    view.page.keyboard.press("Enter")
    expect(view.page.locator(".tab.active")).to_contain_text("Preview b29664ca and a3f93b22")
    view.page.keyboard.press("Control+F4")
    view.row("3.000 → 0.400").click()
    view.row("3.000 → 0.700").click(modifiers=["Control"])
    view.menu(view.row("3.000 → 0.700"), "Compare Selected Runs")
    expect(view.page.locator(".tab.active")).to_contain_text("Preview b29664ca and a3f93b22")
    expect(view.shown_page().get_by_role("cell", name="learning_rate")).to_be_visible()
    expect(view.shown_page().get_by_role("img")).to_be_visible()
    view.window.pictures("runs-compared")


def _delete(view: RunsView, workspace: Path) -> None:
    """A key asks first; Escape leaves everything as it was."""
    view.row("3.000 → 0.400").click()
    view.page.keyboard.press("ArrowLeft")
    view.page.keyboard.press("ArrowDown")
    view.page.keyboard.press("Enter")
    view.page.keyboard.press("Delete")
    dialog = view.page.locator(".monaco-dialog-box")
    expect(dialog).to_contain_text("Delete the run “")
    expect(dialog).to_contain_text("09:59”")
    expect(dialog).to_contain_text("Failed at step 1/40.")
    view.window.pictures("runs-delete")
    view.page.keyboard.press("Escape")
    assert (runs.runs_folder(workspace) / FAILED).is_dir()
    view.row("failed at step 1").click()
    view.row("3.000 → 0.700").click(modifiers=["Control"])
    view.page.keyboard.press("Delete")
    expect(dialog).to_contain_text("Delete 2 runs?")
    dialog.get_by_role("button", name="Delete").click()
    expect(view.row("failed at step 1")).to_have_count(0)
    expect(view.row("recipe.yaml")).to_contain_text("2 runs")
    assert {path.name for path in runs.runs_folder(workspace).iterdir()} == {NEW, PAUSED}


def _train(view: RunsView, workspace: Path) -> None:
    """A training shows as it goes on, and cannot be deleted; its end shows, too."""
    (workspace / "behaviour").write_text("gate")
    view.act(view.row("recipe.yaml"), "Train")
    expect(view.row("step 1/3 · loss 1.00")).to_be_visible()
    expect(view.page.locator(".activitybar .badge-content", has_text="1")).to_be_visible()
    view.window.pictures("runs-training")
    view.row("step 1/3 · loss 1.00").click()
    view.page.keyboard.press("Delete")
    expect(view.window.notification("A run that is going on cannot be deleted. Stop it first.")).to_be_visible()
    expect(view.window.tab("Training lamps")).to_be_visible()
    (workspace / "go").touch()
    expect(view.row("loss 0.333")).to_be_visible()


def _resume(view: RunsView) -> None:
    view.menu(view.row("paused at step 18/40"), "Resume")
    expect(view.row("paused")).to_have_count(0)
    expect(view.row("loss 0.333")).to_have_count(2)
