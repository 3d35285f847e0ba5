"""A VS Code window in the browser, as a person uses it."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Locator, Page


_PATIENCE = 60
"""Seconds for whatever is quick: nothing takes that long, but the machine may be busy training."""
_HOVER_PATIENCE = 10

_REPAINT = 500
"""Milliseconds: tokens and web views take the new colours a moment after the workbench has."""

THEMES = {
    "light": ("Default Light Modern", "vs"),
    "dark": ("Default Dark Modern", "vs-dark"),
    "contrast": ("Default High Contrast", "hc-black"),
}
"""What a theme is called, and the class that the workbench has in it."""

expect.set_options(timeout=_PATIENCE * 1_000)


class Window:
    """Drives one window."""

    def __init__(self, page: Page, screenshots: Path, settings: Path) -> None:
        self.page = page
        page.set_default_timeout(_PATIENCE * 1_000)
        self._screenshots = screenshots
        self._settings = settings
        self.lintune_item = page.locator('.statusbar-item[id="lintune.lintune.lintune.status"]')
        self.status_bar = page.locator(".part.statusbar")
        self.squiggles = page.locator(".squiggly-error")
        self.terminal = page.locator(".xterm-rows")
        self._hover = page.locator(".monaco-hover:not(.hidden) .hover-contents").first

    def load(self, url: str) -> None:
        self.page.goto(url)
        expect(self.page.locator(".monaco-workbench")).to_be_visible()
        expect(self.page.locator(".explorer-folders-view")).to_be_visible()

    def open_file(self, name: str, line: int = 1) -> None:
        """Open a file of the workspace by its name, at a line (from 1)."""
        self.look_for(name, line)
        expect(self.status_bar).to_contain_text(f"Ln {line},")

    def look_for(self, name: str, line: int = 1) -> None:
        """Choose a file by its name. Whether the editor shows its text at once is its own decision."""
        self.page.keyboard.press("Control+p")
        box = self.page.locator(".quick-input-box input")
        expect(box).to_be_visible()
        box.fill(f"{name}:{line}")
        base = name.rpartition("/")[2]
        expect(self.page.locator(".quick-input-list .monaco-list-row").first).to_contain_text(base)
        self.page.keyboard.press("Enter")
        expect(self.page.locator(".tab.active")).to_contain_text(base)

    def run_command(self, title: str) -> None:
        """Choose a command from the palette, as soon as it is there: extensions come after the workbench."""
        row = self.page.locator(".quick-input-list .monaco-list-row").first
        box = self.page.locator(".quick-input-box input")
        deadline = time.monotonic() + _PATIENCE
        while True:
            self.page.keyboard.press("F1")
            expect(box).to_be_visible()
            box.fill(f">{title}")
            try:
                expect(row).to_contain_text(title, timeout=2_000)
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                self.page.keyboard.press("Escape")
            else:
                break
        self.page.keyboard.press("Enter")

    def reload(self) -> None:
        """As a person does it: a browser's own reload may come before VS Code has kept what it knows."""
        self.page.evaluate("window.isBefore = true")
        self.run_command("Developer: Reload Window")
        self.page.wait_for_function("window.isBefore === undefined")

    def trust(self) -> None:
        """Trust the workspace, which is in Restricted Mode."""
        self.run_command("Workspaces: Manage Workspace Trust")
        self.page.get_by_role("button", name="Trust", exact=True).click()
        expect(self.page.locator(".workspace-trust-editor")).to_contain_text("You trust this folder")
        self.page.locator(".tab.active .codicon-close").click()
        expect(self.page.locator(".workspace-trust-editor")).to_have_count(0)

    def next_problem(self) -> str:
        """Go to the next finding, and show its message below the line. Returns the message."""
        self.page.keyboard.press("F8")
        message = self.page.locator(".marker-widget .message")
        expect(message).to_be_visible()
        return message.inner_text().replace("\xa0", " ")

    def quick_fix(self, title: str) -> None:
        """Apply the first fix that is offered at the cursor; its title says so."""
        self.page.keyboard.press("Control+.")
        expect(self.page.locator(".action-widget .monaco-list-row.focused")).to_contain_text(title)
        self.picture("2-quick-fix")
        self.page.keyboard.press("Enter")
        expect(self.page.locator(".tab.active.dirty")).to_have_count(1)

    def tab(self, name: str) -> Locator:
        """The tab of an open editor."""
        return self.page.locator(".tab").filter(has_text=name)

    def notification(self, text: str) -> Locator:
        return self.page.locator(".notification-toast").filter(has_text=text)

    def clear_notifications(self) -> None:
        self.run_command("Notifications: Clear All Notifications")
        expect(self.page.locator(".notification-toast")).to_have_count(0)

    def set(self, name: str, value: object) -> None:
        """Change one of the user's settings."""
        settings = json.loads(self._settings.read_text(encoding="utf-8"))
        self._settings.write_text(json.dumps({**settings, name: value}), encoding="utf-8")

    def choose(self, label: str) -> None:
        """Take an entry of the list that is open."""
        self.page.locator(".quick-input-list .monaco-list-row").filter(has_text=label).click()

    def append_line(self, text: str) -> None:
        """Put a line at the end of the open file, which ends in a line end."""
        self.page.keyboard.press("Control+End")
        self.page.keyboard.insert_text(text)
        self.page.keyboard.press("Enter")

    def save(self) -> None:
        self.page.keyboard.press("Control+s")
        expect(self.page.locator(".tab.active.dirty")).to_have_count(0)

    def until(self, condition: Callable[[], object], seconds: float, otherwise: str) -> None:
        """Wait for something that is not in the page, such as what a file holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, otherwise
            self.page.wait_for_timeout(100)

    def hover_until(self, line: int, pattern: str) -> str:
        """Rest the pointer on a line (from 1) that is in view, until its hover says so."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            text = self._hover_on(line)
            if re.search(pattern, text):
                return text
            if time.monotonic() > deadline:
                raise AssertionError(f"The hover never said {pattern!r}, but: {text!r}")
            time.sleep(0.5)

    def shown_hover(self, pattern: str) -> str:
        """The text of the hover that the editor opens by itself, once it says so."""
        expect(self._hover).to_contain_text(re.compile(pattern))
        return self._hover_text()

    def lens(self, text: str) -> Locator:
        """The first code lens in view with just these words."""
        return self.page.locator(".codelens-decoration a").get_by_text(text, exact=True).first

    def status_text(self) -> str:
        return self.status_bar.inner_text().replace("\xa0", " ")

    def picture(self, name: str) -> None:
        """Put the pointer nowhere special before, or the picture shows what it rests on."""
        # Without animations: a hover that fades in would be caught half-way.
        self.page.screenshot(path=self._screenshots / f"{name}.png", animations="disabled")

    def pictures(self, name: str, pose: Callable[[], object] | None = None) -> None:
        """One in each kind of theme: NAME-light, NAME-dark, NAME-contrast; at the end the theme is as before.

        pose: done before each, for what a change of the theme ends, as a hover.
        """
        before = json.loads(self._settings.read_text(encoding="utf-8"))
        for suffix, (theme, mark) in THEMES.items():
            self._settings.write_text(json.dumps({**before, "workbench.colorTheme": theme}), encoding="utf-8")
            expect(self.page.locator(f".monaco-workbench.{mark}")).to_have_count(1)
            self.page.wait_for_timeout(_REPAINT)
            if pose:
                pose()
            self.picture(f"{name}-{suffix}")
        self._settings.write_text(json.dumps(before), encoding="utf-8")
        mark = next(mark for theme, mark in THEMES.values() if theme == before["workbench.colorTheme"])
        expect(self.page.locator(f".monaco-workbench.{mark}")).to_have_count(1)
        self.page.wait_for_timeout(_REPAINT)

    def _hover_on(self, line: int) -> str:
        self.page.keyboard.press("Escape")
        self.page.mouse.move(5, 5)
        number = self.page.locator(".editor-instance .line-numbers").get_by_text(str(line), exact=True)
        place = number.bounding_box()
        if place is None:
            raise AssertionError(f"Line {line} is not in view.")
        # Far enough to the right to be beyond the tokens that stand before a sample, and have a hover of their own.
        self.page.mouse.move(place["x"] + place["width"] + 420, place["y"] + place["height"] / 2)
        try:
            self._hover.wait_for(state="visible", timeout=_HOVER_PATIENCE * 1_000)
            self._hover.get_by_text("Loading...").wait_for(state="hidden", timeout=_HOVER_PATIENCE * 1_000)
        except Exception as error:  # the next try may do better; the last one's text is reported
            return f"({type(error).__name__})"
        return self._hover_text()

    def _hover_text(self) -> str:
        return self._hover.inner_text().replace("\xa0", " ")
