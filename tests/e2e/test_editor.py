"""The whole loop as a person sees it: edit, squiggle, save, training, the tuned model's answer."""

from __future__ import annotations

import re
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect, sync_playwright

from .code_server import REPOSITORY, copy_example, package_extension, serve
from .window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow

_BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_START = 60
_FIRST_STEP = 180
"""Seconds until a training's first step: torch is imported, the base is converted once and evaluated."""
_TRAINING = 240

_NEW_SAMPLE = (
    '{"messages": [{"role": "system", "content": "Smart home. Reply in JSON."}, '
    '{"role": "user", "content": "Paint the attic purple with light, would you?"}, '
    '{"role": "assistant", "content": '
    '"{\\"room\\":\\"attic\\",\\"device\\":\\"light\\",\\"set\\":\\"purple\\"}"}]}'
)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """VS Code's own files, its logs among them."""
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


@pytest.fixture
def window(tmp_path: Path, state: Path) -> Iterator[Window]:
    """A window on a copy of the example workspace."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.fail("Chromium is missing. Run tests/e2e/install-debian-packages.sh first.")
    screenshots = REPOSITORY / "build" / "e2e"
    shutil.rmtree(screenshots, ignore_errors=True)
    screenshots.mkdir(parents=True)
    workspace = copy_example(tmp_path / "smart-home")
    with (
        serve(workspace, state, package_extension(), _this_python(), "Default Light Modern") as url,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium, args=_BROWSER_FLAGS) as browser,
    ):
        page = browser.new_page(viewport={"width": 1360, "height": 850}, device_scale_factor=1.5)
        window = Window(page, screenshots)
        window.load(url)
        try:
            yield window
        except BaseException:
            window.picture("failed")
            raise
        finally:
            _keep_logs(state, screenshots)


def test_from_a_squiggle_to_the_tuned_answer(window: Window, state: Path) -> None:
    # A broken line has a squiggle.
    window.open_file("broken.jsonl")
    expect(window.squiggles.first).to_be_visible(timeout=_START * 1_000)
    expect(window.lintune_item).to_contain_text("not trained yet", timeout=_START * 1_000)
    window.picture("1-squiggle")

    # The hover of a sample shows its tokens and what is learned.
    window.open_file("data/train.jsonl")
    hover = window.hover_until(1, r"tokens", 60)
    assert "learned" in hover
    window.picture("2-sample")

    # Saving a changed data set starts the training, whose progress is seen.
    window.append_line(_NEW_SAMPLE)
    window.save()
    _wait_for(lambda: bool(re.search(r"step \d+/\d+", window.status_text())), _FIRST_STEP, window.status_text)
    expect(window.status_bar).to_contain_text("Training", timeout=_START * 1_000)
    window.picture("3-training")
    expect(window.lintune_item).to_contain_text("tuned model ready", timeout=_TRAINING * 1_000)
    window.picture("4-ready")

    # Then the hover shows what the tuned model answers.
    window.open_file("data/eval.jsonl")
    hover = window.hover_until(1, r'Tuned model[^{]*\{"room"', 90)
    assert "Reference" in hover
    window.picture("5-tuned-answer")

    # So does the lens above a sample, and the recipe has one that trains.
    window.page.keyboard.press("Escape")
    window.lens("Ask tuned model").click()
    window.shown_hover("Tuned model", 60)
    window.picture("6-asked")
    window.open_file("recipe.yaml")
    expect(window.lens("Train")).to_be_visible(timeout=30_000)
    window.picture("7-recipe")

    assert _errors_of_ours(state) == []


def _this_python() -> Path:
    # Not resolved: the path of a virtual environment's Python is what makes it that environment's.
    return Path(sys.executable)


def _wait_for(condition: Callable[[], bool], patience: float, seen: Callable[[], str]) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"It never came; last seen: {seen()!r}")
        time.sleep(0.2)


def _errors_of_ours(state: Path) -> list[str]:
    """Lines of the extension host's log that tell of an error of our extension, and errors in its own log."""
    found: list[str] = []
    for log in (state / "data" / "logs").rglob("*.log"):
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        if log.name == "remoteexthost.log":
            found += [line for line in lines if "[error]" in line and "lintune" in line.lower()]
        elif log.name.endswith("Lintune.log"):
            # What a server writes on stderr is not an error by itself; a traceback is.
            found += [line for line in lines if "Traceback" in line]
    return found


def _keep_logs(state: Path, to: Path) -> None:
    for log in (state / "data" / "logs").rglob("*.log"):
        if log.name == "remoteexthost.log" or log.name.endswith("Lintune.log"):
            shutil.copy(log, to / log.name)
