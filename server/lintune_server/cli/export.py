"""`lintune export RUN`: GGUF files of a run that finished."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.cli import finished_run

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Merge a run's adapter into its base model and write GGUF files, each checked against it."
    finished_run.add_run(parser)
    parser.add_argument("--gguf", metavar="TYPES", help="as q4_k_m,q8_0,f16 (default: what the recipe says)")


def run(args: argparse.Namespace) -> int:
    options = ["--gguf", args.gguf] if args.gguf else []
    return finished_run.trainer(["export", str(finished_run.folder_of(args.run)), *options])
