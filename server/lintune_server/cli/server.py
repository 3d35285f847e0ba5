"""`lintune server`: the language server on standard input and output."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Speak the Language Server Protocol on standard input and output. Editors start it."
    parser.add_argument("--stdio", action="store_true", help="the default; some editors insist on saying it")


def run(_: argparse.Namespace) -> int:
    from lintune_server.language_server.__main__ import serve

    serve()
