"""The command `lintune`."""

from lintune_server.cli.main import main

__all__ = ["main"]
