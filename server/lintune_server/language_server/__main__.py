"""`python -m lintune_server.language_server`: the language server on stdio."""

from lintune_server.language_server.server import serve_stdio

serve_stdio()
