"""Data sets with very many findings, and those that VS Code does not hand to extensions."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from lintune_server.analyst.selection import MOST_SHOWN

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from .window import Window

pytestmark = pytest.mark.slow

FINDINGS = 10_000
HANDED_OVER = 50 << 20
"""Bytes: up to this size VS Code hands a file to extensions."""


def many_findings(path: Path, count: int = FINDINGS) -> None:
    """Each sample has one finding: its role is not one."""
    path.write_text("".join(f"{_sample(number, 'usr')}\n" for number in range(count)), encoding="utf-8")


def too_large(path: Path, size: int = HANDED_OVER + 1_000_000) -> None:
    """Beyond what is handed over; the third sample is wrong."""
    with path.open("w", encoding="utf-8") as file:
        number = 0
        while file.tell() < size:
            file.write(_sample(number, "usr" if number == 2 else "user", words=200) + "\n")
            number += 1


def _sample(number: int, role: str, words: int = 4) -> str:
    question = " ".join(f"word{(number * 31 + at * at) % 9_973}" for at in range(words))
    return json.dumps(
        {
            "messages": [
                {"role": role, "content": f"Question {number}: {question}"},
                {"role": "assistant", "content": f"Answer {number}"},
            ]
        }
    )


def test_ten_thousand_findings_and_a_file_that_is_too_large(
    open_window: Callable[..., AbstractContextManager[Window]], workspace: Path
) -> None:
    many_findings(workspace / "many.jsonl")
    too_large(workspace / "large.jsonl")
    with open_window({"lintune.pythonPath": sys.executable}) as window:
        _many(window)
        _large(window)


def _many(window: Window) -> None:
    """The panel has as many as a person can look through, and says how many more there are; all have squiggles."""
    window.open_file("many.jsonl")
    expect(window.squiggles.first).to_be_visible()
    window.run_command("Problems: Focus on Problems View")
    panel = window.page.locator(".markers-panel")
    expect(panel.locator(".monaco-count-badge").first).to_have_text(f"{MOST_SHOWN + 1}")
    window.pictures("many-findings")
    panel.locator(".monaco-list-row").nth(1).click()
    window.page.keyboard.press("End")
    expect(panel).to_contain_text(f"{FINDINGS - MOST_SHOWN:,} more findings are not shown here")
    window.page.keyboard.press("Escape")

    # What is scrolled to has its squiggles, too.
    window.open_file("many.jsonl", line=FINDINGS - 5)
    expect(window.squiggles.first).to_be_visible()
    window.picture("many-findings-end")


def _large(window: Window) -> None:
    """It is said what is to be had, and what is found has squiggles, here as everywhere."""
    window.run_command("View: Toggle Panel Visibility")
    window.look_for("large.jsonl")
    expect(window.notification("VS Code hands no file over 50 MB to extensions")).to_be_visible()
    window.page.get_by_role("button", name="Open Anyway").click()
    expect(window.squiggles.first).to_be_visible()
    window.pictures("large-file")
