"""The training panel, on a run that goes on while it is open."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .recorded_run import RecordedRun

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from playwright.sync_api import FrameLocator

    from .window import Window

pytestmark = pytest.mark.slow


def page_of(window: Window) -> FrameLocator:
    """The page in the tab that is seen."""
    return window.page.frame_locator("iframe.webview.ready").last.frame_locator("#active-frame")


def test_a_run_as_it_happens(
    open_window: Callable[..., AbstractContextManager[Window]], workspace: Path, screenshots: Path
) -> None:
    run = RecordedRun(workspace)
    run.begin()
    run.steps(1, 40)
    run.checkpoint(40)
    with open_window({"lintune.pythonPath": sys.executable}) as window:
        window.open_file("recipe.yaml")
        window.run_command("Lintune: Open Training Panel")
        page = page_of(window)
        expect(page.get_by_role("heading", level=1)).to_have_text("smart-home")
        expect(page.get_by_role("term").filter(has_text="Step").locator("..")).to_contain_text("40of 120")
        window.picture("panel-try")
        run.steps(41, 80)
        run.checkpoint(80)
        run.warn()
        expect(page.get_by_role("term").filter(has_text="Step").locator("..")).to_contain_text("80of 120")
        run.steps(81, 120)
        run.finish()
        expect(page.locator(".badge")).to_have_text("Finished")
        window.pictures("panel")
        shutil.rmtree(run.folder)
        expect(page.get_by_text("The run's directory was deleted")).to_be_visible()
