"""What may be wrong with the engine: each is seen in the status bar, with a way out. One window for all of them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from typing import TYPE_CHECKING

import psutil
import pytest
from playwright.sync_api import expect

from .code_server import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from .window import Window

pytestmark = pytest.mark.slow

_PATIENCE = 60
"""Seconds."""


def test_each_has_a_way_out(
    open_window: Callable[..., AbstractContextManager[Window]], workspace: Path, tmp_path: Path
) -> None:
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    environment = {
        "PATH": str(nothing),
        "HOME": str(tmp_path),
        "XDG_DATA_HOME": str(nothing),
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
        "PIP_RETRIES": "1",
        "PIP_CONFIG_FILE": os.devnull,
    }
    _run_no_code_of_the_folder(workspace)
    with open_window({}, trusted=False, environment=environment, provoked="crashed five times") as window:
        window.open_file("broken.jsonl", line=8)
        _no_python(window)
        _wrong_settings(window, tmp_path)
        _no_network(window, tmp_path)
        _old_package(window, tmp_path)
        _without_trust(window)
        _crashes(window)
        assert not (workspace / "was-run").exists()
        _environment_that_goes(window, workspace)


def _run_no_code_of_the_folder(workspace: Path) -> None:
    """A Python that comes with the folder: it must not be run before the folder is trusted."""
    _program(workspace / ".venv" / "bin" / "python", f"touch '{workspace}/was-run'; exit 1")


def _program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def _no_python(window: Window) -> None:
    expect(window.lintune_item).to_contain_text("no Python")
    expect(window.notification("No Python was found. Lintune needs Python 3.11 or later.")).to_be_visible()
    expect(window.notification("This workspace is not trusted")).to_be_visible()
    window.pictures("bad-no-python")
    window.clear_notifications()


def _wrong_settings(window: Window, tmp_path: Path) -> None:
    window.set("lintune.pythonPath", "/nowhere/python")
    expect(window.notification("is no Python that can be run")).to_be_visible()
    expect(window.lintune_item).to_contain_text("check lintune.pythonPath")
    window.clear_notifications()
    window.set(
        "lintune.pythonPath", str(_program(tmp_path / "old" / "python", "echo 'Unknown option: -P' >&2; exit 2"))
    )
    expect(window.notification("which is too old. Lintune needs Python 3.11 or later.")).to_be_visible()
    window.clear_notifications()


def _no_network(window: Window, tmp_path: Path) -> None:
    """A Python without the package, and no index to get it from."""
    empty = tmp_path / "empty"
    subprocess.run([sys.executable, "-m", "venv", empty], check=True)
    window.set("lintune.pythonPath", str(empty / "bin" / "python"))
    notice = window.notification("the package lintune is not installed there")
    notice.get_by_role("button", name="Linting Only").click()
    failed = window.notification("The package index could not be reached")
    expect(failed).to_be_visible()
    expect(failed.get_by_role("button", name="Try Again")).to_be_visible()
    window.pictures("bad-no-network")
    window.clear_notifications()


def _old_package(window: Window, tmp_path: Path) -> None:
    """The server of a package from before there was an agreement: it works, and an upgrade is offered."""
    old = shutil.copytree(REPOSITORY / "server", tmp_path / "old-server")
    connection = old / "lintune_server" / "language_server" / "connection.py"
    text = connection.read_text(encoding="utf-8")
    line = "        result.capabilities.experimental = agreement.offer(_version())\n"
    assert line in text
    connection.write_text(text.replace(line, ""), encoding="utf-8")
    script = f"PYTHONPATH='{old}' exec '{sys.executable}' \"$@\""
    window.set("lintune.pythonPath", str(_program(tmp_path / "old-package" / "python", script)))
    notice = window.notification("is older than this extension")
    expect(notice.get_by_role("button", name="Upgrade")).to_be_visible()
    expect(window.squiggles.first).to_be_visible()
    window.pictures("bad-old-package")
    window.clear_notifications()


def _without_trust(window: Window) -> None:
    """A broken line has a squiggle, trusted or not; nothing offers to train or to ask before."""
    # Not resolved: the path of a virtual environment's Python is what makes it that environment's.
    window.set("lintune.pythonPath", sys.executable)
    expect(window.lintune_item).to_contain_text("linting only")
    expect(window.squiggles.first).to_be_visible()
    assert window.lens("Ask tuned model").count() == 0
    window.pictures("bad-not-trusted")
    window.trust()
    expect(window.lintune_item).to_contain_text("not trained yet")
    expect(window.lens("Ask tuned model")).to_be_visible()


def _crashes(window: Window) -> None:
    """A server that dies is started again, without a word, until that is no use; then a click starts it."""
    killed: set[int] = set()
    for _ in range(5):
        expect(window.lintune_item).to_contain_text("not trained yet")
        killed.add(_kill_the_server(killed))
    expect(window.lintune_item).to_contain_text("stopped")
    notice = window.notification("crashed five times")
    expect(notice).to_have_count(1)
    window.pictures("bad-crashes")
    window.clear_notifications()
    window.lintune_item.click()
    window.choose("Restart the language server")
    expect(window.lintune_item).to_contain_text("not trained yet")
    expect(window.squiggles.first).to_be_visible()


def _environment_that_goes(window: Window, workspace: Path) -> None:
    """The folder's own environment counts as soon as the folder is trusted, and until it is deleted."""
    environment = workspace / ".venv"
    shutil.rmtree(environment)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    ours = sysconfig.get_path("purelib")
    (packages / "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n", encoding="utf-8")
    window.set("lintune.pythonPath", "")
    expect(window.lintune_item).to_contain_text("not trained yet")
    _server_of(environment)
    shutil.rmtree(environment)
    expect(window.lintune_item).to_contain_text("no Python")
    expect(window.squiggles).to_have_count(0)


def _server_of(environment: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not any(words[:1] == [str(environment / "bin" / "python")] for _, words in _servers()):
        assert time.monotonic() < deadline, "No server of the folder's environment was started."
        time.sleep(0.1)


def _servers() -> Iterator[tuple[psutil.Process, list[str]]]:
    """The language servers that run below this process, and their command lines."""
    for process in psutil.Process().children(recursive=True):
        try:
            words = process.cmdline()
        except psutil.Error:
            continue
        if words[-3:] == ["lintune_server", "server", "--stdio"]:
            yield process, words


def _kill_the_server(killed: set[int]) -> int:
    """Returns its process id."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        for process, _ in _servers():
            if process.pid not in killed:
                process.send_signal(signal.SIGKILL)
                return process.pid
        time.sleep(0.1)
    raise AssertionError("There is no other server.")
