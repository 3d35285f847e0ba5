"""A language client that costs next to nothing, so that what is measured is the server.

One thread reads messages and notes when each was there in full; the caller's writes. Messages are JSON-RPC with LSP's
framing over the pipes of a real server process.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

SERVER = [sys.executable, "-m", "lintune_server.language_server"]
PATIENCE = 120.0
"""Seconds after which a server that does not answer ends the benchmark."""

CAPABILITIES = {
    "general": {"positionEncodings": ["utf-16"]},
    "window": {"workDoneProgress": True},
    "workspace": {
        "configuration": True,
        "workspaceFolders": True,
        "codeLens": {"refreshSupport": True},
        "inlayHint": {"refreshSupport": True},
        "didChangeWatchedFiles": {"dynamicRegistration": True},
    },
    "textDocument": {
        "publishDiagnostics": {"versionSupport": True, "relatedInformation": True},
        "hover": {"contentFormat": ["markdown"]},
        "completion": {"completionItem": {"snippetSupport": False}},
        "inlayHint": {},
    },
}


class ServerError(Exception):
    """The server does not do what it is asked for."""


@dataclass(frozen=True, slots=True)
class Answer:
    seconds: float
    result: Any


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """What `publishDiagnostics` said, and when it was there, by `time.perf_counter`."""

    at: float
    version: int | None
    items: list[dict[str, Any]]

    def has(self, line: int, *codes: str) -> bool:
        """Whether one of these codes begins on a line."""
        return any(item["range"]["start"]["line"] == line and item.get("code") in codes for item in self.items)


class Client:
    """A server process and its messages. Leave it with `leave`."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._log = (folder / "server.log").open("ab")
        self.process = subprocess.Popen(
            SERVER, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log
        )
        self._news = threading.Condition()
        self._writing = threading.Lock()
        self._ids = 0
        self._answers: dict[int, tuple[float, dict[str, Any]]] = {}
        self._published: dict[str, list[Diagnostics]] = {}
        self._ended = False
        threading.Thread(target=self._read, daemon=True).start()
        self.capabilities: dict[str, Any] = self.ask(
            "initialize",
            {
                "processId": None,
                "rootUri": folder.as_uri(),
                "workspaceFolders": [{"uri": folder.as_uri(), "name": folder.name}],
                "capabilities": CAPABILITIES,
            },
        ).result["capabilities"]
        self.tell("initialized", {})

    def leave(self) -> None:
        """Shut down in order. Raises ServerError when the server does not end as LSP has it, or not all of it ends."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        self.ask("shutdown", None)
        self.tell("exit", None)
        code = self.process.wait(PATIENCE)
        self._log.close()
        if code != 0:
            raise ServerError(f"the server ended with {code}")
        if psutil.wait_procs(children, timeout=10)[1]:
            raise ServerError("the server ended, and processes of it did not")

    def tell(self, method: str, params: Any) -> float:
        """Send a notification. Returns the time before the first byte of it was written."""
        return self._write({"jsonrpc": "2.0", "method": method, "params": params})

    def ask(self, method: str, params: Any) -> Answer:
        """Send a request and wait. Raises ServerError when the answer is an error, or does not come."""
        number, begin = self.begin(method, params)
        with self._news:
            if not self._news.wait_for(lambda: number in self._answers or self._ended, PATIENCE):
                raise ServerError(f"{method}: no answer within {PATIENCE:.0f} s")
            if number not in self._answers:
                raise ServerError(f"{method}: the server is gone")
            at, message = self._answers.pop(number)
        if "error" in message:
            raise ServerError(f"{method}: {message['error'].get('message')}")
        return Answer(at - begin, message.get("result"))

    def begin(self, method: str, params: Any) -> tuple[int, float]:
        """Send a request and do not wait. Returns its id, and the time before its first byte was written."""
        self._ids += 1
        number = self._ids
        return number, self._write({"jsonrpc": "2.0", "id": number, "method": method, "params": params})

    def cancel(self, number: int) -> float:
        """Cancel a request that was begun. Returns when."""
        return self.tell("$/cancelRequest", {"id": number})

    def open(self, path: Path, text: str) -> float:
        """As an editor opens a file; version 1. Returns when it was sent."""
        self._published[path.as_uri()] = []
        document = {"uri": path.as_uri(), "languageId": "jsonl", "version": 1, "text": text}
        return self.tell("textDocument/didOpen", {"textDocument": document})

    def change(self, path: Path, version: int, line: int, columns: tuple[int, int], new: str) -> float:
        """Replace some columns of a line. Returns when it was sent."""
        start, end = ({"line": line, "character": column} for column in columns)
        change = {"range": {"start": start, "end": end}, "text": new}
        return self.tell(
            "textDocument/didChange",
            {"textDocument": {"uri": path.as_uri(), "version": version}, "contentChanges": [change]},
        )

    def news(self, path: Path) -> list[Diagnostics]:
        """The diagnostics that came since somebody last looked, without waiting."""
        with self._news:
            found = list(self._published[path.as_uri()])
            self._published[path.as_uri()].clear()
        return found

    def published(self, path: Path, wanted: Callable[[Diagnostics], bool]) -> Diagnostics:
        """The first diagnostics that are as wanted, of those that nobody looked at. Raises ServerError."""
        deadline = time.perf_counter() + PATIENCE
        waiting = self._published[path.as_uri()]
        with self._news:
            while True:
                while waiting:
                    diagnostics = waiting.pop(0)
                    if wanted(diagnostics):
                        return diagnostics
                if self._ended or not self._news.wait(max(deadline - time.perf_counter(), 0)):
                    raise ServerError(f"{path.name}: the expected diagnostics never came")

    def _write(self, message: dict[str, Any]) -> float:
        body = orjson.dumps(message)
        stream = self.process.stdin
        assert stream is not None
        with self._writing:
            begin = time.perf_counter()
            stream.write(b"Content-Length: %d\r\n\r\n" % len(body))
            stream.write(body)
            stream.flush()
        return begin

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        while True:
            length = 0
            while (header := stream.readline()) not in (b"\r\n", b""):
                name, _, value = header.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            body = stream.read(length) if length else b""
            at = time.perf_counter()
            if not body:
                break
            self._take(at, orjson.loads(body))
        with self._news:
            self._ended = True
            self._news.notify_all()

    def _take(self, at: float, message: dict[str, Any]) -> None:
        if "method" not in message:
            with self._news:
                self._answers[message["id"]] = (at, message)
                self._news.notify_all()
        elif "id" in message:  # whatever the server asks for: nothing is set, everything is agreed to
            items = message["params"]["items"] if message["method"] == "workspace/configuration" else None
            result = None if items is None else [None] * len(items)
            threading.Thread(
                target=self._write, args=({"jsonrpc": "2.0", "id": message["id"], "result": result},)
            ).start()
        elif message["method"] == "textDocument/publishDiagnostics":
            params = message["params"]
            diagnostics = Diagnostics(at, params.get("version"), params["diagnostics"])
            with self._news:
                self._published.setdefault(params["uri"], []).append(diagnostics)
                self._news.notify_all()
