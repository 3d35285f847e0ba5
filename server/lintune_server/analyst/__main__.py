"""The analyst's process: reads requests from stdin, one after the other, until that ends."""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lintune_schemas.errors import LintuneError
from lintune_server import memory
from lintune_server.analyst import messages
from lintune_server.analyst.messages import (
    Ask,
    AskFile,
    AskFixes,
    AskOutlook,
    AskPreflight,
    AskRecipe,
    Change,
    Close,
    Expected,
    Failed,
    Fixes,
    Found,
    Inspected,
    Open,
)
from lintune_server.analyst.selection import shown
from lintune_server.language_server.recipes import estimating
from lintune_server.lint import checking, fixing
from lintune_server.lint.context import context_for
from lintune_server.lint.live import LiveDataSet
from lintune_server.lint.recipe import check_recipe
from lintune_server.lint.selection import Selection
from lintune_server.training import preflight

if TYPE_CHECKING:
    from typing import BinaryIO

    from lintune_server.analyst.messages import Reply, Request
    from lintune_server.lint.findings import Finding
    from lintune_server.lint.scanning import DiskLines

log = logging.getLogger(__name__)

_NICENESS = 5
"""Typing and hovering go before analysing."""
_PROGRESS_EVERY = 1 << 20


class Analyst:
    """Answers requests on a pair of pipes."""

    def __init__(self, requests: BinaryIO, replies: BinaryIO) -> None:
        self._requests = requests
        self._replies = replies
        self._documents: dict[int, LiveDataSet] = {}
        self._sources: dict[int, _Source] = {}
        self._found: dict[int, list[Finding]] = {}

    def serve(self) -> None:
        while length := self._requests.read(messages.LENGTH):
            request = messages.requests.decode(self._requests.read(int.from_bytes(length, "little")))
            try:
                reply = self._answer(request)
            except (LintuneError, OSError) as error:
                reply = Failed(getattr(request, "number", 0), str(error))
            except Exception as error:  # one document's trouble is not another's
                log.exception("a request failed")
                reply = Failed(getattr(request, "number", 0), f"Lintune hit an internal error: {error}")
            if isinstance(reply, Failed) and isinstance(request, Open | Change):
                self._close(request.document)  # it is not what the server takes it for
            if reply is not None:
                self._send(reply)

    def _answer(self, request: Request) -> Reply | None:
        match request:
            case Open(document, path, source):
                self._close(document)
                self._sources[document] = held = _Source(source)
                self._documents[document] = LiveDataSet(path, context_for(path), held.path)
            case Change(document, first, removed, text):
                self._document(document).edit(first, removed, text)
                self._found.pop(document, None)
            case Close(document):
                self._close(document)
                memory.give_back()
            case Ask(number, document, renew):
                data = self._document(document)
                if renew:
                    data.renew(context_for(data.path))
                findings = self._found[document] = data.findings(lambda done, size: self._progress(number, done, size))
                memory.give_back()
                return _found(number, findings)
            case AskFixes(number, document, code):
                if document not in self._found:
                    self._found[document] = self._document(document).findings()
                findings = [one for one in self._found[document] if code is None or one.code == code]
                return Fixes(number, fixing.safe_edits(findings))
            case AskRecipe(number, path, text):
                return _found(number, check_recipe(text, path))
            case AskOutlook(number, path, text):
                return Expected(number, estimating.of_recipe(text, path))
            case AskPreflight(number, path, by_hand):
                flight = preflight.inspect(path, by_hand=by_hand)
                memory.give_back()
                return Inspected(number, flight)
            case AskFile(number, path):
                checked = checking.check(path, None, Selection())
                some, left_out = shown(checked.findings)
                return Found(number, some, left_out, _texts(checked.lines, some))
        return None

    def _document(self, number: int) -> LiveDataSet:
        if number not in self._documents:
            raise LintuneError("What was known of this file was lost. It is read again when it changes.")
        return self._documents[number]

    def _close(self, document: int) -> None:
        if data := self._documents.pop(document, None):
            data.close()
        if source := self._sources.pop(document, None):
            source.close()
        self._found.pop(document, None)

    def _progress(self, number: int, done: int, size: int) -> None:
        if size > _PROGRESS_EVERY:
            self._send(messages.Progress(number, done, size))

    def _send(self, reply: Reply) -> None:
        self._replies.write(messages.packed(reply))
        self._replies.flush()


class _Source:
    """A file that nobody else needs: on Linux it has no name any more, so that it is gone when this process is."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._named = path
        self.path = path
        if sys.platform == "linux":
            path.unlink()
            self.path = Path(f"/proc/self/fd/{self._file.fileno()}")

    def close(self) -> None:
        self._file.close()
        self._named.unlink(missing_ok=True)


def _found(number: int, findings: list[Finding]) -> Found:
    return Found(number, *shown(findings))


def _texts(lines: DiskLines, findings: list[Finding]) -> dict[int, str]:
    found: dict[int, str] = {}
    for finding in findings:
        start, end = finding.range.start, finding.range.end
        found[start.line] = max(found.get(start.line, ""), lines.text(start.line)[: end.column], key=len)
    return found


def main() -> None:
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    memory.share_arenas()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the server ends this process
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever prints, prints there
    try:
        Analyst(sys.stdin.buffer, replies).serve()
    except BrokenPipeError:
        return


if __name__ == "__main__":
    main()
