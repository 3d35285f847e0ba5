"""initialize, initialized, shutdown; saves; and `lintune/trust`, by which the client says what to trust."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lsprotocol import types

from lintune_server.language_server import convert
from lintune_server.language_server.text import Encoding

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_server.language_server.connection import LintuneServer

TRUST = "lintune/trust"


def register(server: LintuneServer) -> None:
    server.feature(types.INITIALIZE)(initialize)
    server.feature(types.INITIALIZED)(initialized)
    server.feature(types.TEXT_DOCUMENT_DID_SAVE)(did_save)
    server.feature(types.SHUTDOWN)(shutdown)
    server.feature(TRUST)(trust)


def initialize(ls: LintuneServer, params: types.InitializeParams) -> None:
    """Options, both true unless said otherwise: `trusted`, and `showAnswers` (as messages)."""
    options = params.initialization_options if isinstance(params.initialization_options, dict) else {}
    trusted, shows_answers = (options.get(name) is not False for name in ("trusted", "showAnswers"))
    ls.session.begin(trusted, shows_answers, Encoding(ls.workspace.position_encoding or Encoding.UTF16))


def initialized(ls: LintuneServer, _: types.InitializedParams) -> None:
    ls.session.start(ls.session.training.begin(_folders(ls)))


def did_save(ls: LintuneServer, params: types.DidSaveTextDocumentParams) -> None:
    ls.session.saved(params.text_document.uri)


async def shutdown(ls: LintuneServer, *_: Any) -> None:
    await ls.session.end()


def trust(ls: LintuneServer, params: Any) -> None:
    """`{"trusted": bool}`; without parameters, the workspace is trusted from now on."""
    ls.session.trust(getattr(params, "trusted", True) is not False)


def _folders(ls: LintuneServer) -> list[Path]:
    uris = list(ls.workspace.folders) or ([ls.workspace.root_uri] if ls.workspace.root_uri else [])
    return [path for uri in uris if (path := convert.path_of(uri)) and path.is_dir()]
