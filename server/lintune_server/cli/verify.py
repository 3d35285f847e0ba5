"""`lintune verify RUN`: whether a run's GGUF files behave like the model that was trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.cli import finished_run

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Compare a run's GGUF files with the model that was trained: tokens and answers. "
        "Exit codes: 0 they are equal, 1 they differ, 2 it could not be told."
    )
    finished_run.add_run(parser)


def run(args: argparse.Namespace) -> int:
    return finished_run.trainer(["verify", str(finished_run.folder_of(args.run))])
