"""`python -m lintune_server.language_server`: the language server on stdio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server import memory
from lintune_server.language_server import protocol_types

if TYPE_CHECKING:
    from typing import NoReturn


def serve() -> NoReturn:
    memory.collect_rarely()
    protocol_types.load()
    from lintune_server.language_server.server import serve_stdio  # from here on it takes long

    serve_stdio()


if __name__ == "__main__":
    serve()
