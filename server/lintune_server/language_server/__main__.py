"""`python -m lintune_server.language_server`: the language server on stdio."""

from lintune_server import memory

memory.collect_rarely()

from lintune_server.language_server.server import serve_stdio  # noqa: E402 (from here on it takes long)

serve_stdio()
