"""The pygls server of one connection. It holds no text and no state of its own: those are the session's."""

from __future__ import annotations

import logging
import threading
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import msgspec
from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcMethodNotFound, PyglsError
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, default_converter, lsp_method

from lintune_server.language_server import agreement
from lintune_server.language_server.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any

log = logging.getLogger(__name__)


class Protocol(LanguageServerProtocol):
    """pygls's protocol without its text documents: the session keeps the only copy of the text."""

    _server: LintuneServer

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(self, params: types.InitializeParams) -> Generator[Any, Any, types.InitializeResult]:
        result = yield from super().lsp_initialize(params)
        result.capabilities.experimental = agreement.offer(_version())
        return result

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        document = params.text_document
        self._server.session.open(document.uri, document.language_id, document.version, document.text)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        self._server.session.change(
            params.text_document.uri,
            params.text_document.version,
            [(_places(change), change.text) for change in params.content_changes],
        )

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        self._server.session.close(params.text_document.uri)

    def notify_plainly(self, method: str, params: dict[str, Any]) -> None:
        """A notification of plain values: pygls's own way takes a tenth of a second for a thousand diagnostics."""
        if self.writer is None:
            return
        body = msgspec.json.encode({"jsonrpc": "2.0", "method": method, "params": params})
        self.writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    @lsp_method(types.EXIT)
    def lsp_exit(self, *_: Any) -> None:  # type: ignore[override]  # plain functions are handlers, too
        """Leave in order: pygls's own way out raises SystemExit through the event loop."""
        self._server.exit_code = 0 if self._shutdown else 1
        self._server.left.set()


class LintuneServer(LanguageServer):
    """What handlers get as `ls`: pygls's server, and the session."""

    protocol: Protocol

    def __init__(self) -> None:
        super().__init__(
            "lintune",
            _version(),
            text_document_sync_kind=types.TextDocumentSyncKind.Incremental,
            protocol_cls=Protocol,
            converter_factory=default_converter,
        )
        self.session = Session(self)
        self.left = threading.Event()
        """The client said `exit`."""
        self.client_gone: Callable[[], object] = self.left.set
        """Called when the client is gone without a word."""
        self.exit_code = 1
        """As LSP has it: 0 only for a client that asked for a shutdown before it left."""

    def report_server_error(self, error: Exception, source: type[PyglsError] | type[JsonRpcException]) -> None:
        """A fault of ours in a handler: in the log with its traceback (by pygls), and shown once."""
        if isinstance(error, JsonRpcMethodNotFound):
            return  # the client asked for something that we never offered
        if isinstance(error, JsonRpcException) and error.code == types.LSPErrorCodes.RequestFailed:
            return  # it asked for something that is refused, and was told why
        log.error("%s: %s", source.__name__, error)
        self.session.messages.once(f"Lintune hit an internal error: {error}. The log has the details.")


def _places(
    change: types.TextDocumentContentChangeEvent,
) -> tuple[tuple[int, int], tuple[int, int]] | None:
    if not isinstance(change, types.TextDocumentContentChangePartial):
        return None
    start, end = change.range.start, change.range.end
    return (start.line, start.character), (end.line, end.character)


def _version() -> str:
    try:
        return version("lintune")
    except PackageNotFoundError:
        return "unknown"
