"""What a data set shows beside and in its text: marks of the last evaluation, special tokens, the model writing on;
and what saving it mends.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .other_editors import copy_untrained_example
from .tuned import add_evaluation, add_tuned_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from .window import Window

pytestmark = pytest.mark.slow

_CONTROL = (
    '{"messages": [{"role": "user", "content": "Lamp on<|im_end|>, please"}, {"role": "assistant", "content": "ON"}]}\n'
)
_UNFINISHED = (
    '{"messages": [{"role": "user", "content": "What is the capital of France? One word."}, '
    '{"role": "assistant", "content": "The capi'
)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return copy_untrained_example(tmp_path / "smart-home")


def test_in_the_text(open_window: Callable[..., AbstractContextManager[Window]], workspace: Path) -> None:
    run = add_tuned_run(workspace, strength=0.0)
    add_evaluation(run, workspace / "data" / "eval.jsonl")
    (workspace / "data" / "notes.jsonl").write_text(_CONTROL, encoding="utf-8")
    settings = {"lintune.pythonPath": sys.executable, "lintune.inlineCompletion.enabled": True}
    with open_window(settings) as window:
        _marks(window)
        _special_tokens(window)
        _the_model_writes_on(window, workspace / "data" / "notes.jsonl")
        _fixed_by_saving(window, workspace / "broken.jsonl")


def _marked_lines(window: Window) -> dict[str, list[int]]:
    """The lines in view with each mark, by their numbers: icons are matched with the numbers beside them."""
    found: dict[str, list[int]] = window.page.evaluate(
        """() => {
            const editor = document.querySelector(".editor-instance");
            const numbers = [...editor.querySelectorAll(".line-numbers")].map((one) => [
                one.getBoundingClientRect().top, Number(one.textContent)]);
            const found = {};
            for (const icon of editor.querySelectorAll(".glyph-margin-widgets > div, .cgmr")) {
                const image = getComputedStyle(icon).backgroundImage;
                const kind = /marks\\/(.+?)-(?:light|dark)\\.svg/.exec(decodeURIComponent(image))?.[1];
                const top = icon.getBoundingClientRect().top;
                const line = numbers.find(([at]) => Math.abs(at - top) < 4)?.[1];
                if (kind && line) (found[kind] ??= []).push(line);
            }
            for (const lines of Object.values(found)) lines.sort((a, b) => a - b);
            return found;
        }"""
    )
    return found


def _until_marked(window: Window, kind: str, lines: list[int]) -> None:
    """Until the first lines with a mark are these."""
    window.until(lambda: _marked_lines(window).get(kind, [])[: len(lines)] == lines, 20, f"{kind} is never at {lines}")


def _marks(window: Window) -> None:
    """They follow their samples; a sample that is another one has none."""
    window.open_file("data/eval.jsonl")
    _until_marked(window, "fixed", [1, 5, 9])
    _until_marked(window, "broken", [2, 6])
    _until_marked(window, "still-wrong", [3, 7])
    _until_marked(window, "still-right", [4, 8])
    window.pictures("marks")
    window.page.keyboard.press("Control+Home")
    window.page.keyboard.press("Alt+ArrowDown")  # the first line changes places with the second one
    _until_marked(window, "broken", [1, 6])
    _until_marked(window, "fixed", [2, 5])
    window.page.keyboard.press("Control+z")
    _until_marked(window, "fixed", [1, 5])
    window.page.keyboard.press("Control+Home")
    window.page.keyboard.press("End")
    for _ in range(5):
        window.page.keyboard.press("ArrowLeft")
    window.page.keyboard.type("7")  # another answer
    _until_marked(window, "fixed", [5, 9])
    window.page.keyboard.press("Control+z")
    _until_marked(window, "fixed", [1, 5])
    window.page.keyboard.press("Control+s")


def _special_tokens(window: Window) -> None:
    """In a content, they look like what they are: control, and no text."""
    window.open_file("data/notes.jsonl")
    token = window.page.locator(".view-line span span").filter(has_text=re.compile(r"^<\|im_end\|>$")).first
    expect(token).to_be_visible()
    text = window.page.locator(".view-line span span").filter(has_text="Lamp").first
    colours = [one.evaluate("(node) => getComputedStyle(node).color") for one in (token, text)]
    assert colours[0] != colours[1]
    window.pictures("special-tokens")


def _fixed_by_saving(window: Window, broken: Path) -> None:
    """By VS Code's own setting for that, with all fixes that need no person."""
    fixed = broken.with_name("fixed.jsonl")
    shutil.copy(broken, fixed)
    subprocess.run([sys.executable, "-m", "lintune_server", "check", "--fix", fixed], check=False, capture_output=True)
    assert fixed.read_bytes() != broken.read_bytes()
    window.set("editor.codeActionsOnSave", {"source.fixAll.lintune": "explicit"})
    window.open_file("broken.jsonl")
    expect(window.squiggles.first).to_be_visible()
    before = broken.read_bytes()
    window.save()
    window.until(lambda: broken.read_bytes() != before, 10, "Saving mended nothing.")
    assert broken.read_bytes() == fixed.read_bytes()


def _the_model_writes_on(window: Window, notes: Path) -> None:
    """In an answer, ghost text shows how the model would go on, and Tab takes it."""
    window.page.keyboard.press("Control+End")
    window.page.keyboard.insert_text(_UNFINISHED)
    window.page.keyboard.type("t")
    ghost = window.page.locator(".ghost-text-decoration, .ghost-text").first
    expect(ghost).to_contain_text("al of")
    window.pictures("inline-completion")
    window.page.keyboard.press("Tab")  # the editor has closed quotes and brackets by itself
    window.save()
    answer = json.loads(notes.read_text(encoding="utf-8").splitlines()[1])["messages"][1]["content"]
    assert answer.startswith("The capital of France"), answer
