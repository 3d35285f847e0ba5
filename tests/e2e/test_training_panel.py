"""The training panel, on runs that go on while it is open."""

from __future__ import annotations

import json
import re
import shutil
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from ..server.training.at_work import trainer_at_work
from .code_server import EXTENSION
from .recorded_run import RecordedRun

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from playwright.sync_api import FrameLocator, Locator

    from .window import Window

pytestmark = pytest.mark.slow

_AXE = EXTENSION / "node_modules" / "axe-core" / "axe.min.js"


def page_of(window: Window) -> FrameLocator:
    """The page in the tab that is seen."""
    return window.page.frame_locator("iframe.webview.ready").last.frame_locator("#active-frame")


def figure(page: FrameLocator, name: str) -> Locator:
    return page.locator(".figures > div").filter(has=page.get_by_role("term").get_by_text(name, exact=True))


def loss(page: FrameLocator) -> Locator:
    """What a keyboard moves, and a screen reader reads, on the curve of the losses."""
    return page.get_by_role("slider", name="Loss, by step")


def violations(page: FrameLocator) -> list[str]:
    """What axe finds wrong with roles, names, order and contrast."""
    body = page.locator("body")
    body.evaluate(f"() => {{ {_AXE.read_text(encoding='utf-8')} }}")
    found: list[dict[str, Any]] = body.evaluate("async () => (await window.axe.run()).violations")
    return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]


def test_a_run_as_it_happens(
    open_window: Callable[..., AbstractContextManager[Window]], workspace: Path, screenshots: Path
) -> None:
    # A question that no earlier test has asked: answers are kept.
    question = {"role": "user", "content": f"Turn lamp {time.time_ns()} on"}
    sample = {"messages": [question, {"role": "assistant", "content": "ON"}]}
    (workspace / "data" / "eval.jsonl").write_text(json.dumps(sample) + "\n", encoding="utf-8")
    with (
        trainer_at_work(workspace) as trainer,
        open_window({"lintune.pythonPath": sys.executable}) as window,
    ):
        run = RecordedRun(workspace, pid=trainer.pid)
        run.begin()
        run.steps(1, 40)
        run.checkpoint(40)
        window.open_file("recipe.yaml")

        # While something trains, a click on the item in the status bar shows it.
        expect(window.lintune_item).to_contain_text("step 40/120")
        window.lintune_item.locator("a").click()
        page = page_of(window)
        expect(page.get_by_role("heading", level=1)).to_have_text("smart-home")
        expect(page.locator(".badge")).to_have_text("Training")
        expect(page.get_by_role("button")).to_have_text(["Pause", "Stop", "Open Recipe", "Ask the Models"])
        expect(figure(page, "Step")).to_contain_text("40 of 120")
        expect(page.locator(".stages [aria-current=step]")).to_contain_text("Fine-tune")
        expect(loss(page)).to_have_attribute("aria-valuemax", "40")

        # It moves while the run does.
        run.steps(41, 80)
        run.checkpoint(80, best=False)
        run.warn()
        expect(figure(page, "Step")).to_contain_text("80 of 120")
        expect(figure(page, "Eval loss")).to_contain_text("0.0548 base 3.771")
        expect(loss(page)).to_have_attribute("aria-valuemax", "80")
        expect(page.get_by_role("status")).to_contain_text("The loss jumped")
        expect(page.get_by_role("note").first).to_contain_text("Stop at epoch 1.5")

        # The keyboard moves along the curve, and zooms.
        loss(page).focus()
        window.page.keyboard.press("Home")
        window.page.keyboard.press("Shift+ArrowRight")
        expect(loss(page)).to_have_attribute("aria-valuenow", "11")
        told = re.compile(r"^Step 11, Batch 2\.\d+, Smoothed 2\.\d+, Base model 3\.771$")
        expect(loss(page)).to_have_attribute("aria-valuetext", told)
        window.page.keyboard.press("+")
        expect(loss(page)).to_have_attribute("aria-valuemax", "31")
        expect(loss(page)).to_have_attribute("aria-valuenow", "11")
        expect(page.get_by_role("button", name="Reset zoom")).to_be_visible()
        window.page.keyboard.press("0")
        expect(loss(page)).to_have_attribute("aria-valuemax", "80")
        page.get_by_text("Values as a table").click()
        expect(page.get_by_role("table", name="Values of the curves").get_by_role("row")).to_have_count(51)
        page.get_by_text("Values as a table").click()

        # Models are asked about samples of the eval set.
        page.get_by_role("button", name="Ask the Models").click()
        expect(page.get_by_role("article").first).to_contain_text("Base model")

        run.steps(81, 120)
        run.finish()
        expect(page.locator(".badge")).to_have_text("Finished")
        expect(page.locator(".checks li")).to_have_count(3)
        assert violations(page) == []
        page.get_by_role("combobox", name="Kind of events").select_option("Warnings and errors")
        page.get_by_role("searchbox", name="Words in events").fill("JUMPED")
        expect(page.locator(".log li")).to_have_count(1)
        page.get_by_label("Logarithmic loss").check()
        window.page.mouse.move(5, 5)
        window.pictures("panel")
        page.get_by_role("heading", name="Sample answers").evaluate("heading => heading.scrollIntoView()")
        window.pictures("panel-answers")

        # All that is there again after a reload, and as it was.
        window.page.reload()
        page = page_of(window)
        expect(page.locator(".badge")).to_have_text("Finished")
        expect(figure(page, "Step")).to_contain_text("120 of 120")
        expect(page.locator(".log li")).to_have_count(1)
        expect(page.get_by_label("Logarithmic loss")).to_be_checked()

        # Narrow: nothing is cut off.
        window.page.keyboard.press("Control+b")  # without the side bar
        expect(window.page.locator(".part.sidebar")).to_be_hidden()
        window.page.set_viewport_size({"width": 448, "height": 850})
        expect(page.locator(".stages")).to_have_css("display", "grid")
        wide = "html => [html.scrollWidth, html.clientWidth]"
        scroll, width = page.locator("html").evaluate(wide)
        assert scroll == width <= 400
        window.picture("panel-narrow")
        window.page.set_viewport_size({"width": 1360, "height": 850})
        window.page.keyboard.press("Control+b")

        # The next training is shown by itself. Stopped from here, it can be resumed.
        second = RecordedRun(workspace, "20260102T050405Z-1badcafe", pid=trainer.pid)
        second.begin()
        second.steps(1, 7)
        expect(figure(page, "Step")).to_contain_text("7 of 120")
        page.get_by_role("button", name="Stop", exact=True).click()
        trainer.wait()
        expect(page.locator(".badge")).to_have_text("Died")
        expect(page.get_by_role("alert")).to_contain_text("The run can go on where it left off.")
        expect(page.get_by_role("button", name="Resume")).to_be_visible()
        window.picture("panel-died")

        # Deleted while it is watched: that is said, and what was read stays.
        shutil.rmtree(second.folder)
        expect(page.get_by_text("The run's directory was deleted")).to_be_visible()
        expect(figure(page, "Step")).to_contain_text("7 of 120")


def test_nothing_to_show_yet(open_window: Callable[..., AbstractContextManager[Window]], workspace: Path) -> None:
    with open_window({"lintune.pythonPath": sys.executable}, trusted=False) as window:
        window.open_file("recipe.yaml")
        window.run_command("Lintune: Open Training Panel")
        page = page_of(window)
        expect(page.locator(".badge")).to_have_text("No run yet")
        expect(page.get_by_text("Nothing trains in a workspace that is not trusted.").first).to_be_visible()
        assert violations(page) == []
        window.picture("panel-untrusted")

        # A run that another program left there can be looked at, and its samples opened.
        run = RecordedRun(workspace)
        run.begin()
        run.warn()
        window.page.locator(".tab.active .codicon-close").click()
        expect(window.page.locator(".tab.active")).to_contain_text("recipe.yaml")
        window.run_command("Lintune: Open Training Panel")
        page = page_of(window)
        expect(page.locator(".badge")).to_have_text("Died")
        page.get_by_role("button", name="data/train.jsonl, line 8").click()
        expect(window.page.locator(".tab.active")).to_contain_text("train.jsonl")
        expect(window.status_bar).to_contain_text("Ln 8,")
