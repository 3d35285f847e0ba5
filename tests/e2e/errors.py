"""What went wrong in a window because of us, though nobody may have seen it: in its logs and in the browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import ConsoleMessage, Error, Page

_ENTRY = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \[(\w+)\] ")
_OURS = re.compile(r"lintune(?!/workbench/)", re.IGNORECASE)
"""VS Code itself is in a cache of ours."""
_FAILURE = re.compile(r"Traceback|Request \S+ failed|[Hh]andler .*failed")
_IN_A_PAGE = re.compile(r"vscode-resource|/webview/")
"""Addresses of web views and of what they load: no other extension shows any in these tests. Scripts that stand in a
page itself have no address at all."""
_WORKBENCH = "/workbench.js"
_REJECTED = "rejected promise not handled"
"""Said of any extension. Where what was rejected came from the workbench, the stack does not tell whose call it was."""

_SAVE_REFUSED = re.compile(r"\[text file model\] handleSaveError|^Failed to save '")
"""VS Code's notes that a file was not saved, which it shows to people, too: tests look for that themselves."""


def logs(state: Path) -> list[Path]:
    """The logs that tell of our extension: its own, and that of the process it runs in."""
    return [
        log
        for log in (state / "data" / "logs").rglob("*.log")
        if log.name == "remoteexthost.log" or log.name.endswith("Lintune.log")
    ]


def errors_in_logs(state: Path) -> list[str]:
    """Errors of our extension in the extension host's log, and tracebacks and failed requests in its own.

    That an activation failed, or that nobody handled a rejected promise, is said in one line; that it was ours, often
    only in the stack below that.
    """
    found: list[str] = []
    for log in logs(state):
        text = log.read_text(encoding="utf-8", errors="replace")
        if log.name == "remoteexthost.log":
            found += [entry for level, entry in _entries(text) if level == "error" and _OURS.search(entry)]
        else:
            # What a server writes there is not an error by itself, nor that there is none to start.
            found += [entry for _, entry in _entries(text) if _FAILURE.search(entry)]
    return found


def said_in(page: Page) -> list[str]:
    """A list that fills with the errors that our pages and our bundle cause in the browser from now on."""
    found: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        where = message.location.get("url", "")
        ours = not where or _IN_A_PAGE.search(where) or _OURS.search(where + message.text)
        if (message.type == "error" and ours and not _SAVE_REFUSED.search(message.text)) or _REJECTED in message.text:
            found.append(f"{message.text} ({where})")

    def thrown(error: Error) -> None:
        stack = error.stack or str(error)
        if _WORKBENCH not in stack or _OURS.search(stack):
            found.append(stack)

    page.on("console", heard)
    page.on("pageerror", thrown)
    return found


def _entries(log: str) -> Iterator[tuple[str, str]]:
    """Each entry of a log, with the lines that belong to it, and its level."""
    level, lines = "", list[str]()
    for line in log.splitlines():
        if begins := _ENTRY.match(line):
            if lines:
                yield level, "\n".join(lines)
            level, lines = begins[1], []
        lines.append(line)
    if lines:
        yield level, "\n".join(lines)
