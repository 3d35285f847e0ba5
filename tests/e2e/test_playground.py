"""The playground as a person uses it: two real models answer side by side, are stopped, killed and asked again."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest
from playwright.sync_api import expect

from .tuned import add_tuned_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from playwright.sync_api import FrameLocator, Locator

    from .window import Window

pytestmark = pytest.mark.slow

_FIGURES = re.compile(r"\d+ tokens? · \d+ tokens/s · first after \d+\.\d\d s")


class Page:
    """The playground's page in a window."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.frame: FrameLocator = window.page.frame_locator("iframe.webview.ready").frame_locator(
            "iframe#active-frame"
        )
        self.first, self.second = (
            self.frame.get_by_role("region", name=f"{which} model") for which in ("First", "Second")
        )
        self.turns = self.frame.locator(".turn textarea")

    def both(self) -> tuple[Locator, Locator]:
        return self.first, self.second

    def button(self, name: str) -> Locator:
        return self.frame.get_by_role("button", name=name, exact=True)

    def ask(self, text: str | None = None) -> None:
        """By keyboard, from the last turn."""
        if text is not None:
            self.turns.last.fill(text)
        self.turns.last.press("Control+Enter")

    def until_answered(self) -> list[str]:
        for card in self.both():
            expect(card.locator(".figures")).to_have_text(_FIGURES)
        return [card.locator(".answer").inner_text() for card in self.both()]


def test_two_models_side_by_side(open_window: Callable[..., AbstractContextManager[Window]], workspace: Path) -> None:
    add_tuned_run(workspace, checkpoint=40)
    recipe = workspace / "recipe.yaml"
    recipe.write_text(recipe.read_text(encoding="utf-8").replace("train_on_save: true", "train_on_save: false"))
    with open_window({"lintune.pythonPath": sys.executable}) as window:
        window.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = _from_a_sample(window)
        _answers(page)
        _stopped(page)
        _refused(page)
        _killed(page)
        _curl(page)
        _by_a_schema(page)
        _served(window)
        _to_the_data_set(page, workspace / "data" / "train.jsonl")
        _after_a_reload(page)


def _from_a_sample(window: Window) -> Page:
    """The sample under the cursor, without its answer, which is the reference."""
    window.open_file("data/eval.jsonl", line=3)
    window.hover_until(3, "tokens")
    window.page.keyboard.press("Escape")
    window.run_command("Lintune: Open Sample in Playground")
    page = Page(window)
    expect(page.turns).to_have_count(2)
    expect(page.turns.last).to_have_value("Can we have 19 degrees in the bedroom?")
    expect(page.turns.last).to_be_focused()
    expect(page.frame.get_by_text("Sample on line 3 of eval.jsonl")).to_be_visible()
    expect(page.frame.get_by_role("region", name="Reference")).to_contain_text('"device":"heating"')
    return page


def _answers(page: Page) -> None:
    page.ask()
    tuned, base = page.until_answered()
    assert tuned != base
    expect(page.first.locator("ins").first).to_be_visible()
    page.window.pictures("playground")
    page.frame.get_by_label("What is marked in the answers").select_option("What differs between the answers")
    page.frame.get_by_label("First model").get_by_role("combobox").select_option(
        "Step 40 · run 20260101T120000Z-aaaaaaaa"
    )
    page.ask()
    again, _ = page.until_answered()
    assert again == tuned or "del" not in again


def _stopped(page: Page) -> None:
    """A long answer streams, and Escape ends it."""
    page.frame.get_by_text("Parameters", exact=False).first.click()
    page.frame.get_by_label("Max tokens").fill("3000")
    page.ask("Tell a very long story of a hundred towns and all who live there.")
    for card in page.both():
        expect(card.locator(".answer")).to_have_text(re.compile(r"\w+ \w+ \w+"))
    page.window.picture("playground-writes")
    page.turns.last.press("Escape")
    for card in page.both():
        expect(card.locator(".figures")).to_contain_text("stopped")
    page.frame.get_by_label("Max tokens").fill("many")
    page.ask()
    expect(page.frame.get_by_text("Max tokens is a whole number from 1")).to_be_visible()
    page.window.picture("playground-parameters")
    page.frame.get_by_label("Max tokens").fill("8")


def _refused(page: Page) -> None:
    """What the model cannot take is said where its answer would be."""
    page.ask("word " * 6_000)
    for card in page.both():
        expect(card.get_by_role("alert")).to_contain_text("together may have")
    page.window.picture("playground-refused")
    page.turns.last.fill("Light off in the attic.")
    page.second.get_by_role("button", name="Try Again").click()
    expect(page.second.locator(".figures")).to_have_text(_FIGURES)
    expect(page.first.get_by_role("alert")).to_be_visible()


def _killed(page: Page) -> None:
    """The model's process is killed in the middle of an answer; the next question starts another one."""
    page.frame.get_by_label("Max tokens").fill("3000")
    page.ask("Tell a very long story of a hundred towns and all who live there.")
    expect(page.first.locator(".answer")).to_have_text(re.compile(r"\w+ \w+ \w+"))
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if any("sidecar.worker" in word for word in words) and _is_ours(process):
            process.kill()
    for card in page.both():
        expect(card.get_by_role("alert")).to_contain_text("process ended in the middle of its answer")
    page.frame.get_by_label("Max tokens").fill("8")
    page.first.get_by_role("button", name="Try Again").click()
    page.second.get_by_role("button", name="Try Again").click()
    page.until_answered()


def _is_ours(process: psutil.Process) -> bool:
    """Whether a process descends from this one: others may run tests, too."""
    return psutil.Process().pid in {parent.pid for parent in process.parents()}


def _curl(page: Page) -> None:
    """What is copied is a command that a shell runs."""
    page.turns.last.fill('It\'s dark; switch "$HOME" on.')
    page.second.get_by_role("button", name="Copy as curl").click()
    expect(page.second.get_by_role("button", name="Copied")).to_be_visible()
    expect(page.second.locator(".figures")).to_contain_text("before your changes")
    command = page.window.page.evaluate("navigator.clipboard.readText()")
    done = subprocess.run(["sh", "-c", f"{command} --silent"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["choices"][0]["message"]["content"]
    assert "It'\\''s dark" in command


def _by_a_schema(page: Page) -> None:
    """The answer can be nothing but what the schema allows."""
    field = page.frame.get_by_label("JSON schema of the answer")
    field.fill('{"type": "object"')
    expect(page.frame.get_by_text("This is no JSON")).to_be_visible()
    field.fill(
        json.dumps({"type": "object", "properties": {"room": {"enum": ["attic", "hall"]}}, "required": ["room"]})
    )
    page.frame.get_by_label("Max tokens").fill("40")
    page.ask("Switch something on.")
    for answer in page.until_answered():
        assert json.loads(answer)["room"] in ("attic", "hall")
    field.fill("")
    page.frame.get_by_label("Max tokens").fill("8")


def _served(window: Window) -> None:
    """Anybody may ask the same models: a message has where, and the key."""
    window.run_command("Lintune: Serve Model")
    notice = window.notification("answer at http://127.0.0.1:")
    expect(notice).to_be_visible()
    window.picture("serve")
    notice.get_by_role("button", name="Copy Address").click()
    window.page.wait_for_function("async () => /^http.+v1$/.test(await navigator.clipboard.readText())")
    expect(notice.get_by_role("button", name="Copy Key")).to_be_visible()  # it stays: who needs one needs both
    window.run_command("Notifications: Clear All Notifications")
    expect(notice).to_have_count(0)


def _to_the_data_set(page: Page, data: Path) -> None:
    before = data.read_bytes()
    page.turns.last.fill(json.loads(before.splitlines()[0])["messages"][1]["content"])
    page.ask()
    page.until_answered()
    page.first.get_by_role("button", name="Add to Data Set…").click()
    sample = page.frame.get_by_role("region", name="New sample")
    answer = sample.get_by_label("Answer of the new sample")
    expect(answer).to_be_focused()
    answer.fill(json.loads(before.splitlines()[0])["messages"][2]["content"])
    expect(sample).to_contain_text(re.compile(r"DU30\d"))
    page.window.pictures("playground-duplicate")
    page.turns.last.fill("Make the wine cellar twelve degrees cold.")
    page.ask()
    page.until_answered()
    page.first.get_by_role("button", name="Add to Data Set…").click()
    answer.fill('{"room":"cellar","device":"heating","set":12}')
    expect(sample).to_contain_text("No findings. It will be line 230.")
    page.button("Add Sample").click()
    expect(sample).to_contain_text("Added as line 230 of train.jsonl.")
    after = data.read_bytes()
    assert after.startswith(before)
    assert json.loads(after[len(before) :])["messages"][1:] == [
        {"role": "user", "content": "Make the wine cellar twelve degrees cold."},
        {"role": "assistant", "content": '{"room":"cellar","device":"heating","set":12}'},
    ]
    page.window.picture("playground-added")
    page.button("Undo").click()
    expect(sample).to_contain_text("Taken back.")
    assert data.read_bytes() == before


def _after_a_reload(page: Page) -> None:
    shown = page.first.locator(".answer").inner_text()
    page.window.reload()
    expect(page.turns.last).to_have_value("Make the wine cellar twelve degrees cold.")
    expect(page.first.locator(".answer")).to_have_text(shown)
    expect(page.first.get_by_role("combobox")).to_have_value(re.compile(r":40$"))
    page.window.page.keyboard.press("Control+b")
    page.window.page.set_viewport_size({"width": 460, "height": 850})
    page.ask()
    page.until_answered()
    page.window.pictures("playground-narrow")
