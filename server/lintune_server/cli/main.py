"""`lintune COMMAND`: finds the command's module, and turns errors into one sentence and an exit code.

Only the module of the command that is called is imported: `lintune check` must start in a fraction of a second.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from lintune_schemas.errors import LintuneError
from lintune_server import memory

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "init": "a recipe for your data set, or an example to try",
    "check": "find what would go wrong, in data sets and recipes",
    "stats": "data sets in numbers: tokens, lengths, roles, what would be cut",
    "convert": "JSON lists, CSV, Parquet as JSON Lines; other formats as OpenAI chat",
    "diff": "what changed between two versions of a data set",
    "doctor": "what this machine has and what fits on it; what a recipe takes",
    "train": "train the model of a recipe",
    "runs": "list runs, show one, compare two",
    "export": "write GGUF files of a finished run",
    "verify": "compare a run's GGUF files with the model that was trained",
    "eval": "compare a tuned model with its base model on the eval set",
    "serve": "serve a tuned model on this machine, for clients of OpenAI's API",
    "ask": "ask a tuned model one question",
    "rules": "list the rules",
    "rule": "explain one rule",
    "demo": "the whole loop on the built-in model, in some minutes",
    "server": "the language server, on standard input and output (editors start it)",
}
"""Each is a module here with `add_arguments(parser)` and `run(args) -> int`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Exit codes: 0 well, 1 findings or a failure, 2 could not run, 130 interrupted."""
    memory.collect_rarely()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help", "help"):
        print(_usage())
        return 0 if words else 2
    if words[0] in ("-V", "--version"):
        print(f"lintune {_version()}")
        return 0
    if words[0] not in COMMANDS:
        print(f"lintune: there is no command {words[0]}.\n\n{_usage()}", file=sys.stderr)
        return 2
    try:
        command = import_module(f"lintune_server.cli.{words[0]}")
        code: int = command.run(parser_of(words[0]).parse_args(words[1:]))
        sys.stdout.flush()
    except LintuneError as error:
        print(f"lintune: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader has seen enough, as in `lintune rules | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # a disk that is full, a file that may not be read
        place = f"{error.filename}: " if error.filename else ""
        print(f"lintune: {place}{error.strerror or error}.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return code


def parser_of(name: str) -> argparse.ArgumentParser:
    """What reads the words behind `lintune NAME`."""
    command = import_module(f"lintune_server.cli.{name}")
    kind: type[argparse.ArgumentParser] = getattr(command, "Parser", argparse.ArgumentParser)
    parser = kind(prog=f"lintune {name}")
    command.add_arguments(parser)
    return parser


def _usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {text}" for name, text in COMMANDS.items()]
    return "\n".join(
        [
            "usage: lintune COMMAND …",
            "",
            "Lint your data, tune your model, without leaving the editor.",
            "",
            *lines,
            "",
            "lintune COMMAND --help explains a command.",
        ]
    )


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # 50 ms, for this one answer

    try:
        return version("lintune")
    except PackageNotFoundError:
        return "unknown"
