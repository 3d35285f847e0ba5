"""The whole loop as a person sees it: edit, squiggle, fix, save, training, the tuned model's answer."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from .window import Window

pytestmark = pytest.mark.slow

_TRAINING = 900
"""Seconds until a training has come to its first step, or to its end. A minute on two quiet cores, but the
trainer leaves the processor to whatever else runs."""

_TUNED_ANSWER = r'Tuned model · run [\w-]+ · [^{]*?tokens/s[^{]*(?:- \{.+?\}\s*\+ )?(\{"room":.+?\})'

_NEW_SAMPLE = (
    '{"messages": [{"role": "system", "content": "Smart home. Reply in JSON."}, '
    '{"role": "user", "content": "Paint the attic purple with light, would you?"}, '
    '{"role": "assistant", "content": '
    '"{\\"room\\":\\"attic\\",\\"device\\":\\"light\\",\\"set\\":\\"purple\\"}"}]}'
)


def test_without_the_python_package_it_says_so_and_offers_to_install_it(
    open_window: Callable[..., AbstractContextManager[Window]], workspace: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", empty], check=True)
    environment = {"PATH": f"{empty / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path)}
    with open_window({}, environment=environment) as window:
        window.open_file("broken.jsonl")
        expect(window.lintune_item).to_contain_text("not installed")
        notice = window.notification(f"not installed in {empty / 'bin' / 'python3'}")
        expect(notice).to_be_visible()
        window.pictures("0-no-python")
        notice.get_by_role("button", name="Install", exact=True).click()
        expect(window.terminal).to_contain_text('-m pip install "lintune')
        window.picture("0-install")

        # Instead of a download: the package appears where the extension looks for it.
        (workspace / ".venv").symlink_to(sys.prefix)
        expect(window.lintune_item).to_contain_text("not trained yet")
        expect(window.squiggles.first).to_be_visible()


def test_from_a_squiggle_to_the_tuned_answer(
    open_window: Callable[..., AbstractContextManager[Window]], workspace: Path
) -> None:
    _shorten_the_training(workspace / "recipe.yaml")
    # Not resolved: the path of a virtual environment's Python is what makes it that environment's.
    with open_window({"lintune.pythonPath": sys.executable}, trusted=False) as window:
        _lint_without_trust(window)
        _fix(window, workspace / "broken.jsonl")
        _train_and_stop(window)
        _train_on_save(window)
        _ask(window)


def _shorten_the_training(recipe: Path) -> None:
    """Too little for every answer to be right, but enough for a command of the right form."""
    text = recipe.read_text(encoding="utf-8")
    assert "num_epochs: 1.4\n" in text
    recipe.write_text(text.replace("num_epochs: 1.4\n", "num_epochs: 0.9\n"), encoding="utf-8")


def _lint_without_trust(window: Window) -> None:
    """A broken line has a squiggle, trusted or not; nothing offers to train or to ask before."""
    window.open_file("broken.jsonl", line=8)
    expect(window.squiggles.first).to_be_visible()
    assert window.lens("Ask tuned model").count() == 0
    window.picture("0-not-trusted")
    window.trust()
    expect(window.lintune_item).to_contain_text("not trained yet")
    expect(window.lens("Ask tuned model")).to_be_visible()


def _fix(window: Window, broken: Path) -> None:
    """The message says what is wrong, and the fix of it mends the line."""
    assert "gpt" in window.next_problem()
    window.picture("1-squiggle")
    window.quick_fix("assistant")
    window.save()
    line = json.loads(broken.read_text(encoding="utf-8").splitlines()[7])
    assert [message["role"] for message in line["messages"]] == ["system", "user", "assistant"]


def _train_and_stop(window: Window) -> None:
    """The lens of the recipe trains; while it does, the lens stops it."""
    window.open_file("recipe.yaml")
    window.lens("Train").click()
    window.lens("Stop training").click()
    expect(window.lens("Train")).to_be_visible()
    expect(window.lintune_item).to_contain_text("not trained yet")


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
    window.picture("4-training")
    window.open_file("recipe.yaml")
    expect(window.lens("Stop training")).to_be_visible()
    _wait_for_status(window, "tuned model ready")
    expect(window.lens("Train")).to_be_visible()
    window.picture("5-ready")


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
    window.picture("7-asked")


def _wait_for_status(window: Window, pattern: str) -> None:
    """Wait for a stage of the training, as long as it goes on."""
    deadline = time.monotonic() + _TRAINING
    while not re.search(pattern, status := window.status_text()):
        assert "failed" not in status
        assert time.monotonic() < deadline, f"The status bar never said {pattern!r}, but: {status!r}"
        time.sleep(0.2)
