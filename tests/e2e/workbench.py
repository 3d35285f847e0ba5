"""Builds code-server, which is VS Code in a browser, once a version, into a cache outside the checkout.

    python tests/e2e/workbench.py      # builds it when it is not there; prints its folder

code-server's own install scripts download things. So they stay off, and what they would have done is done
here: install VS Code's dependencies, compile the native modules, and set four links. All that happens under
another name, and the name is changed when it works: an interrupted build never looks whole.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CODE_SERVER = os.environ.get("CODE_SERVER", "4.100.3")
"""The default is VS Code 1.100, the last that runs on Node 20. The oldest that the extension runs in is VS Code 1.90,
CODE_SERVER=4.90.3, some of which today's Node compiles only with CXXFLAGS=-fpermissive."""
NODE_GYP = "11.4.2"
_RECIPE = 2
"""Raise it when the build below changes: it is a part of the cache's key."""

_NPM = ("--ignore-scripts", "--legacy-peer-deps", "--omit=dev")
"""As code-server's own script has it, but that nothing else runs."""
_NATIVE = ("@parcel/watcher", "@vscode/spdlog", "kerberos", "native-watchdog", "node-pty")


class WorkbenchError(Exception):
    """The workbench cannot be built; the message says what to do."""


def folder() -> Path:
    """Where the built workbench of this version is, or will be."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "lintune" / "workbench" / f"{CODE_SERVER}-{_node_major()}-{_RECIPE}"


def entry(workbench: Path) -> Path:
    """The program that Node runs."""
    return workbench / "node_modules" / "code-server" / "out" / "node" / "entry.js"


def ensure() -> Path:
    """The folder of the workbench; it is built when it is not there (two to four minutes)."""
    built = folder()
    built.parent.mkdir(parents=True, exist_ok=True)
    with _alone(built.parent / "build.lock"):
        if entry(built).exists():
            return built
        _say(f"building code-server {CODE_SERVER}: two to four minutes, this once")
        for left_over in built.parent.glob(".partial-*"):
            shutil.rmtree(left_over, ignore_errors=True)
        partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=built.parent))
        try:
            _build(partial)
            _try(partial)
            partial.rename(built)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return built


def _build(prefix: Path) -> None:
    ripgrep = shutil.which("rg")
    if ripgrep is None:
        raise WorkbenchError("ripgrep is missing. Run tests/e2e/install-debian-packages.sh first.")
    packages = [f"code-server@{CODE_SERVER}", f"node-gyp@{NODE_GYP}"]
    run(
        "download code-server",
        prefix,
        "npm",
        "install",
        "--ignore-scripts",
        "--no-save",
        f"--prefix={prefix}",
        *packages,
    )
    code = prefix / "node_modules" / "code-server" / "lib" / "vscode"
    run("download VS Code's dependencies", code, "npm", "install", *_NPM)
    extensions = code / "extensions"
    run("download its extensions' dependencies", extensions, "npm", "install", *_NPM)

    headers = _headers()
    node_gyp = prefix / "node_modules" / "node-gyp" / "bin" / "node-gyp.js"
    for name in _NATIVE:
        run(f"compile {name}", code / "node_modules" / name, "node", str(node_gyp), "rebuild", *headers)
    # argon2 is the one that asks node-pre-gyp where its binary belongs.
    argon2 = prefix / "node_modules" / "argon2"
    node_pre_gyp = prefix / "node_modules" / "@mapbox" / "node-pre-gyp" / "bin" / "node-pre-gyp"
    run("compile argon2", argon2, "node", str(node_pre_gyp), "install", "--build-from-source", *headers)

    _link(code / "node_modules" / "@vscode" / "ripgrep" / "bin" / "rg", ripgrep)
    _link(code / "node_modules.asar", "node_modules")
    _link(code / "bin" / "remote-cli" / "code-server", "code-linux.sh")
    _link(code / "bin" / "helpers" / "browser.sh", "browser-linux.sh")


def _try(prefix: Path) -> None:
    """Load what was compiled: a module that was built for another Node fails here, not in a test."""
    code_server = entry(prefix).parents[2]
    # VS Code's kerberos and watcher are loaded only when they are needed; here they all are.
    for place, modules in ((code_server / "lib" / "vscode", _NATIVE), (code_server, ("argon2",))):
        script = f"for (const name of {json.dumps(modules)}) require(name)"
        run(f"load {', '.join(modules)}", place, "node", "--eval", script)


def _headers() -> list[str]:
    """Node's own C++ headers when they are beside it; node-gyp would have to download them."""
    node = shutil.which("node")
    prefix = Path(node).resolve().parent.parent if node else Path("/usr")
    return [f"--nodedir={prefix}"] if (prefix / "include" / "node" / "node.h").exists() else []


def _node_major() -> str:
    if shutil.which("node") is None:
        raise WorkbenchError("Node 20 is missing: code-server runs on it.")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    major = version.strip().partition(".")[0].removeprefix("v")
    if major != "20":
        raise WorkbenchError(f"code-server {CODE_SERVER} runs on Node 20, and this is Node {major}.")
    return f"node{major}"


def run(what: str, where: Path, *command: str) -> None:
    """Run a command and say what it is for. Raises WorkbenchError with the end of its output when it fails."""
    _say(f"  {what}")
    try:
        done = subprocess.run(
            command, cwd=where, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
    except FileNotFoundError:
        raise WorkbenchError(f"{command[0]} is missing. Install Node.js 20 with npm.") from None
    if done.returncode != 0:
        raise WorkbenchError(f"Could not {what}. {' '.join(command)} said:\n{done.stdout[-4_000:]}")


def _link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Two test runs at once build it one after the other, and so only once."""
    with lock.open("w") as file:
        flock(file, LOCK_EX)
        yield


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        print(ensure())
    except WorkbenchError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("stopped; nothing was kept of it")
