"""A sample is edited as Markdown in the real workbench: opened, written back, in conflict, gone through, made anew."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from playwright.sync_api import Locator

    from .window import Window

pytestmark = pytest.mark.slow


@pytest.fixture
def data(workspace: Path) -> Path:
    """The example's samples with what only bytes tell apart: escapes, spaces, numbers, line ends, and a broken line."""
    recipe = workspace / "recipe.yaml"
    recipe.write_text(recipe.read_text(encoding="utf-8").replace("train_on_save: true", "train_on_save: false"))
    path = workspace / "data" / "train.jsonl"
    lines = path.read_bytes().splitlines()[:6]
    lines[1] = (
        lines[1]
        .replace(b'{"messages": [', b'{"id":1.50,  "messages": [', 1)
        .replace(b"Movie time!", b"Caf\\u00e9 time!")
    )
    lines[4] = b'{"messages": "not yet'
    path.write_bytes(b"\r\n".join(lines[:3]) + b"\r\n" + b"\n".join(lines[3:]))
    return path


def test_a_sample_is_edited_as_markdown(open_window: Callable[..., AbstractContextManager[Window]], data: Path) -> None:
    with open_window({"lintune.pythonPath": sys.executable}) as window:
        _edit_and_save(window, data)
        _conflict(window, data)
        _what_to_mend(window, data)
        _go_through(window)
        _new_sample(window, data)
        _unsaved_changes(window, data)
        _reload(window, data)


def _edit_and_save(window: Window, data: Path) -> None:
    """The lens opens the conversation; a save writes the one text that changed."""
    before = data.read_bytes()
    window.open_file("data/train.jsonl", line=2)
    expect(window.lens("Edit as Markdown")).to_be_visible()
    window.picture("sample-0-lens")
    window.page.keyboard.press("Control+k")
    window.page.keyboard.press("Control+e")
    expect(window.page.locator(".tab.active")).to_contain_text("train.jsonl:2.md")
    expect(_lines(window)).to_contain_text(["# assistant"])
    expect(window.page.locator(".codelens-decoration").first).to_contain_text("train.jsonl, line 2")
    expect(window.page.locator(".codelens-decoration").first).to_contain_text("learned")
    window.pictures("sample-1-open")
    _replace(window, "Café time!", "Café break!")
    window.save()
    assert data.read_bytes() == before.replace(b"Caf\\u00e9 time!", b"Caf\\u00e9 break!")


def _conflict(window: Window, data: Path) -> None:
    """The line changes on disk while it is edited: nothing is written before somebody has chosen."""
    _replace(window, "break!", "party!")
    changed = data.read_bytes().replace(b"break!", b"at ten!")
    data.write_bytes(changed)
    window.page.keyboard.press("Control+s")
    notice = window.notification("is newer")
    expect(notice).to_be_visible()
    assert data.read_bytes() == changed
    window.pictures("sample-2-conflict")
    notice.get_by_role("button", name="Overwrite").click()
    expect(window.page.locator(".tab.active.dirty")).to_have_count(0)
    assert data.read_bytes() == changed.replace(b"at ten!", b"party!")


def _what_to_mend(window: Window, data: Path) -> None:
    """A heading that is none has a squiggle, and a save says so; nothing is lost."""
    before = data.read_bytes()
    _replace(window, "# assistant", "# asistant", "2 of 2")  # the first is in the comment
    expect(window.squiggles.first).to_be_visible()
    window.page.keyboard.press("Control+s")
    expect(window.notification("Write “# assistant”")).to_be_visible()
    window.pictures("sample-3-mend")
    assert data.read_bytes() == before
    window.run_command("Notifications: Clear All Notifications")
    _replace(window, "# asistant", "# assistant")
    window.save()
    assert data.read_bytes() == before
    window.page.keyboard.press("Control+Home")


def _go_through(window: Window) -> None:
    """Keys and buttons go to the next sample and back; a broken line says why it is read-only."""
    for _ in range(2):
        window.page.keyboard.press("Control+k")
        window.page.keyboard.press("a")
    expect(window.page.locator(".tab.active")).to_contain_text("train.jsonl:4.md")
    window.page.get_by_role("button", name=re.compile("Next Sample")).click()
    expect(window.page.locator(".tab.active")).to_contain_text("train.jsonl:5.md")
    expect(window.page.locator(".codelens-decoration").first).to_contain_text("Read-only")
    window.pictures("sample-4-read-only")
    window.page.get_by_role("button", name=re.compile("Previous Sample")).click()
    expect(window.page.locator(".tab.active")).to_contain_text("train.jsonl:4.md")


def _new_sample(window: Window, data: Path) -> None:
    """It looks like the others, and goes to the end, behind a line end that was missing."""
    before = data.read_bytes()
    window.run_command("Lintune: New Sample")
    expect(window.page.locator(".tab.active")).to_contain_text("train.jsonl:new.md")
    expect(window.status_bar).to_contain_text("Ln 9, Col 1")  # below “# user”
    window.page.keyboard.insert_text("Lights out in the café.")
    window.page.keyboard.press("Control+End")
    window.page.keyboard.insert_text('{"room":"dining room","device":"light","set":"off"}')
    window.pictures("sample-5-new")
    window.page.keyboard.press("Control+s")
    expect(window.page.locator(".tab.active")).to_contain_text("train.jsonl:7.md")
    added = data.read_bytes()[len(before) :]
    assert added.startswith(b"\n{") and added.endswith(b"}\n")
    assert [message["content"] for message in json.loads(added)["messages"]] == [
        "Smart home. Reply in JSON.",
        "Lights out in the café.",
        '{"room":"dining room","device":"light","set":"off"}',
    ]
    expect(_tab(window, "train.jsonl:new.md")).to_have_count(0)


def _unsaved_changes(window: Window, data: Path) -> None:
    """Where the data set has unsaved changes, the sample goes into the editor and not on disk."""
    before = data.read_bytes()
    _tab(window, "train.jsonl").click()
    expect(window.page.locator(".tab.active")).not_to_contain_text(".md")
    window.page.keyboard.press("Control+Home")
    window.page.keyboard.insert_text('{"messages": []}\n')
    expect(window.page.locator(".tab.active.dirty")).to_have_count(1)
    _tab(window, "train.jsonl:7.md").click()
    expect(window.page.locator(".codelens-decoration").first).to_contain_text("train.jsonl, line 8")
    _replace(window, "Lights out", "Dark")
    window.save()
    notice = window.notification("has unsaved changes")
    expect(notice).to_be_visible()
    assert data.read_bytes() == before
    window.pictures("sample-6-unsaved")
    notice.get_by_role("button", name="Save train.jsonl").click()
    window.until(lambda: b"Dark" in data.read_bytes(), 30, "It was not saved.")


def _reload(window: Window, data: Path) -> None:
    """What was not saved is there again, and is saved then."""
    before = data.read_bytes()
    _replace(window, "the café", "here")
    window.page.wait_for_timeout(4_000)  # VS Code puts away what is typed a second later; before, the browser asks
    window.reload()
    expect(window.page.locator(".tab.active.dirty")).to_contain_text("train.jsonl:7.md")
    expect(_lines(window)).to_contain_text("Dark in here.")
    assert data.read_bytes() == before
    window.save()
    window.until(lambda: b"Dark in here." in data.read_bytes(), 30, "It was not saved.")
    assert data.read_bytes() == before.replace(b"Dark in the caf\\u00e9.", b"Dark in here.")


def _replace(window: Window, old: str, new: str, found: str = "1 of 1") -> None:
    """Find the next place of a text, which has to be that one, and write another in its place."""
    keyboard = window.page.keyboard
    keyboard.press("Control+f")
    box = window.page.locator(".find-widget.visible textarea").first
    expect(box).to_be_visible()
    box.fill(old)
    expect(window.page.locator(".find-widget .matchesCount")).to_have_text(found)
    keyboard.press("Escape")
    keyboard.insert_text(new)
    expect(window.page.locator(".tab.active.dirty")).to_have_count(1)


def _tab(window: Window, name: str) -> Locator:
    return window.page.locator(f'.tab[data-resource-name="{name}"]')


def _lines(window: Window) -> Locator:
    return window.page.locator(".editor-instance .view-lines").first
