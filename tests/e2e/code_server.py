"""A VS Code for the browser that runs on this machine alone, with the extension installed."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from . import workbench
from .workbench import WorkbenchError, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REPOSITORY = Path(__file__).resolve().parents[2]
EXTENSION = REPOSITORY / "editor-extension"
EXAMPLE = REPOSITORY / "examples" / "smart-home"

_START_PATIENCE = 60
"""Seconds."""

_SETTINGS = {
    "chat.commandCenter.enabled": False,
    "editor.minimap.enabled": False,
    "[jsonl]": {"editor.wordWrap": "on"},
    "extensions.autoCheckUpdates": False,
    "extensions.ignoreRecommendations": True,
    "files.autoSave": "off",
    "git.enabled": False,
    "security.workspace.trust.startupPrompt": "never",
    "telemetry.telemetryLevel": "off",
    "terminal.integrated.gpuAcceleration": "off",
    "update.mode": "none",
    "window.commandCenter": False,
    "workbench.layoutControl.enabled": False,
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": False,
}


def package_extension() -> Path:
    """Build the extension's package, with its dependencies as they are locked. Returns the .vsix."""
    installed = EXTENSION / "node_modules" / ".package-lock.json"  # the last file that npm writes
    if not installed.exists() or installed.stat().st_mtime < (EXTENSION / "package-lock.json").stat().st_mtime:
        run("install the extension's dependencies", EXTENSION, "npm", "ci", "--no-audit", "--no-fund")
    run("package the extension", EXTENSION, "npm", "run", "package")
    return EXTENSION / "out" / "lintune.vsix"


def copy_example(to: Path) -> Path:
    """A copy of the example workspace, without what earlier runs left there."""
    return shutil.copytree(EXAMPLE, to, ignore=shutil.ignore_patterns(".lintune"))


@contextmanager
def serve(
    folder: Path,
    state: Path,
    extension: Path,
    settings: Mapping[str, object],
    *,
    trusted: bool = True,
    environment: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """Serve VS Code until the block is left.

    folder: the workspace. state: an empty folder, for VS Code's own files. extension: the .vsix.
    settings: of the user. trusted: otherwise the workspace opens in Restricted Mode.
    environment: variables that differ from this process's own. Yields the URL.
    """
    settings = {**_SETTINGS, **settings}
    # VS Code takes what concerns a machine from Machine, and the rest from User.
    for place in ("User", "Machine"):
        (state / "data" / place).mkdir(parents=True)
        (state / "data" / place / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    command = [
        shutil.which("node") or "node",
        str(workbench.entry(workbench.ensure())),
        f"--user-data-dir={state / 'data'}",
        f"--extensions-dir={state / 'extensions'}",
        f"--config={state / 'config.yaml'}",
    ]
    (state / "config.yaml").write_text("cert: false\n", encoding="utf-8")
    run("install the extension", state, *command, f"--install-extension={extension}")
    port = _free_port()
    with (state / "code-server.log").open("wb") as log:
        server = subprocess.Popen(
            [
                *command,
                "--auth=none",
                f"--bind-addr=127.0.0.1:{port}",
                "--disable-telemetry",
                "--disable-update-check",
                *(["--disable-workspace-trust"] if trusted else []),
                "--disable-getting-started-override",
                str(folder),
            ],
            cwd=state,
            # VSCODE_CLI: without it, VS Code asks a login shell for its variables, and the PATH is another.
            env={**os.environ, "VSCODE_CLI": "1", **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_served(server, port, state / "code-server.log")
        yield f"http://127.0.0.1:{port}/?folder={urllib.parse.quote(str(folder))}"
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_until_served(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise WorkbenchError(f"code-server did not start:\n{log.read_text(encoding='utf-8', errors='replace')}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
