"""The first five minutes, without a word typed into a shell: from an empty folder to the tuned model's answer."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .code_server import EXAMPLE, REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from playwright.sync_api import Locator

    from .window import Window

pytestmark = pytest.mark.slow

_LONG = 900
"""Seconds until an installation or a training has ended. Each takes about a minute on two quiet cores, but the
trainer leaves the processor to whatever else runs."""

_TUNED_ANSWER = r'Tuned model · run [\w-]+ · [^{]*?tokens/s[^{]*(?:- \{.+?\}\s*\+ )?(\{"room":.+?\})'

_NEW_SAMPLE = (
    '{"messages": [{"role": "system", "content": "Smart home. Reply in JSON."}, '
    '{"role": "user", "content": "Paint the attic purple with light, would you?"}, '
    '{"role": "assistant", "content": '
    '"{\\"room\\":\\"attic\\",\\"device\\":\\"light\\",\\"set\\":\\"purple\\"}"}]}'
)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """An empty folder."""
    folder = tmp_path / "first-model"
    folder.mkdir()
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A Python that knows nothing of Lintune; its pip finds the package of this checkout."""
    wheels = _wheel(tmp_path)
    find_links = f"{os.environ.get('PIP_FIND_LINKS', '')} {wheels}".strip()
    return {
        "PATH": f"{Path(sys.base_prefix) / 'bin'}:/usr/bin:/bin",
        "PIP_FIND_LINKS": find_links,
        "PIP_CONSTRAINT": str(REPOSITORY / "constraints.txt"),
    }


def _wheel(tmp_path: Path) -> Path:
    """Built from a copy: what an earlier build left in the checkout would be packed, too."""
    source = tmp_path / "source"
    ignored = shutil.ignore_patterns("__pycache__", ".lintune", "*.egg-info")
    for name in ("schemas", "server", "trainer", "examples"):
        shutil.copytree(REPOSITORY / name, source / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    recipe = source / "examples" / "smart-home" / "recipe.yaml"
    text = recipe.read_text(encoding="utf-8")
    assert "num_epochs: 1.4\n" in text
    # Too little for every answer to be right, but enough for a command of the right form.
    recipe.write_text(text.replace("num_epochs: 1.4\n", "num_epochs: 0.9\n"), encoding="utf-8")
    wheels = tmp_path / "wheels"
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(wheels), str(source)]
    subprocess.run(command, check=True)
    return wheels


def test_from_an_empty_folder_to_the_tuned_answer(
    open_window: Callable[..., AbstractContextManager[Window]], workspace: Path, environment: dict[str, str]
) -> None:
    with open_window({}, environment=environment) as window:
        _install(window, workspace)
        _open_the_example(window, workspace)
        _fix(window, workspace / "broken.jsonl")
        _train_and_stop(window)
        _train_on_save(window)
        _ask(window)
    shutil.rmtree(workspace / ".venv")  # two gigabytes


def _install(window: Window, workspace: Path) -> None:
    """The walkthrough's first step makes an environment in the folder, and shows how far it is."""
    window.run_command("Lintune: Open Walkthrough")
    expect(_step(window, "install")).to_be_visible()
    window.pictures("1-walkthrough")
    window.page.get_by_role("link", name="Install Everything").or_(
        window.page.get_by_role("button", name="Install Everything")
    ).first.click()
    progress = window.notification("Installing Lintune")
    expect(progress).to_contain_text("step 1 of 4")
    expect(progress).to_contain_text(re.compile(r"step 2 of 4, linting: \w+"), timeout=_LONG * 1_000)
    window.pictures("1-installing")
    # Linting works while the rest is still coming.
    expect(_done(window, "install")).to_be_visible(timeout=_LONG * 1_000)
    expect(progress).to_contain_text("step 3 of 4, training (PyTorch)", timeout=_LONG * 1_000)
    expect(window.notification("Lintune is installed")).to_be_visible(timeout=_LONG * 1_000)
    assert (workspace / ".venv" / "bin" / "lintune").exists()
    window.picture("1-installed")


def _open_the_example(window: Window, workspace: Path) -> None:
    """The base model that it needs is installed, then it is copied into the empty folder."""
    window.notification("Lintune is installed").get_by_role("button", name="Open Example").click()
    expect(window.tab("broken.jsonl")).to_be_visible(timeout=_LONG * 1_000)
    expect(window.notification("base model")).to_have_count(0)
    expect(window.squiggles.first).to_be_visible()
    assert (workspace / "data" / "eval.jsonl").read_bytes() == (EXAMPLE / "data" / "eval.jsonl").read_bytes()
    expect(window.lintune_item).to_contain_text("not trained yet")


def _step(window: Window, step: str) -> Locator:
    return window.page.locator(f'.getting-started-step[data-step-id$="#{step}"]')


def _done(window: Window, step: str) -> Locator:
    return _step(window, step).locator("[role=checkbox][aria-checked=true]")


def _fix(window: Window, broken: Path) -> None:
    """A squiggle says what is wrong; one command mends all that can be mended without a person."""
    window.open_file("broken.jsonl", line=8)
    expect(window.squiggles.first).to_be_visible()
    assert "gpt" in window.next_problem()
    window.pictures("2-problem")
    window.page.keyboard.press("Escape")
    window.run_command("Lintune: Fix All Problems in the File")
    expect(window.page.locator(".tab.active.dirty")).to_have_count(1)
    window.pictures("2-fixed")
    window.save()
    line = json.loads(broken.read_text(encoding="utf-8").splitlines()[7])
    assert [message["role"] for message in line["messages"]] == ["system", "user", "assistant"]


def _train_and_stop(window: Window) -> None:
    """The lens of the recipe trains, and shows the training panel; while it trains, the lens stops it."""
    window.open_file("recipe.yaml")
    window.lens("Train").click()
    expect(window.tab("Training")).to_be_visible()
    window.lens("Stop training").click()
    expect(window.lens("Train")).to_be_visible()
    expect(window.lintune_item).to_contain_text("not trained yet")
    _close_the_panel(window)


def _close_the_panel(window: Window) -> None:
    window.tab("Training").locator(".codicon-close").click()
    expect(window.tab("Training")).to_have_count(0)


def _train_on_save(window: Window) -> None:
    """The hover of a sample shows what is learned; a save trains, and the progress is seen."""
    window.open_file("data/train.jsonl")
    hover = window.hover_until(1, r"tokens")
    assert "learned" in hover
    assert "<|im_start|>assistant" in hover
    window.picture("3-sample")

    window.append_line(_NEW_SAMPLE)
    window.save()
    _wait_for_status(window, r"step \d+/\d+")
    expect(window.status_bar).to_contain_text("Training")
    window.lintune_item.click()
    panel = window.page.frame_locator("iframe.webview.ready").last.frame_locator("#active-frame")
    expect(panel.get_by_role("slider", name="Loss, by step")).to_be_visible()
    window.pictures("4-training")
    _close_the_panel(window)
    window.open_file("recipe.yaml")
    expect(window.lens("Stop training")).to_be_visible()
    _wait_for_status(window, "tuned model ready")
    expect(window.lens("Train")).to_be_visible()


def _ask(window: Window) -> None:
    """Then the hover shows what the tuned model answers, and so does the lens above a sample."""
    window.open_file("data/eval.jsonl")
    hover = window.hover_until(1, _TUNED_ANSWER)
    answer = re.search(_TUNED_ANSWER, hover)
    assert answer and json.loads(answer[1]).keys() == {"room", "device", "set"}
    window.picture("6-tuned-answer")

    window.page.keyboard.press("Escape")
    window.lens("Ask tuned model").click()
    window.shown_hover(_TUNED_ANSWER)
    window.pictures("7-asked")
    window.page.keyboard.press("Escape")
    window.run_command("Lintune: Open Walkthrough")
    for step in ("install", "example", "fix", "train", "answer"):
        expect(_done(window, step)).to_be_visible()
    window.pictures("8-walkthrough-done")


def _wait_for_status(window: Window, pattern: str) -> None:
    """Wait for a stage of the training, as long as it goes on."""
    deadline = time.monotonic() + _LONG
    while not re.search(pattern, status := window.status_text()):
        assert "failed" not in status
        assert time.monotonic() < deadline, f"The status bar never said {pattern!r}, but: {status!r}"
        time.sleep(0.2)
