"""`lintune/largeFiles`: a notification of the client's, `{"uris": [string]}`.

Names all data sets that a person has open in it, and whose text it does not hand over since they are too large (VS Code
from 50 MB on). What is found in them as they are on disk is pushed, and again when they are saved, until they are named
no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lintune_server.language_server.connection import LintuneServer

LARGE_FILES = "lintune/largeFiles"


def register(server: LintuneServer) -> None:
    server.feature(LARGE_FILES)(large_files)


def large_files(ls: LintuneServer, params: Any) -> None:
    uris = getattr(params, "uris", None)
    ls.session.unopened.in_sight([uri for uri in uris if isinstance(uri, str)] if isinstance(uris, list) else [])
