"""`lintune verify RUN`: whether a run's GGUF files behave like the model that was trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas import verification
from lintune_server.cli import finished_run

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Compare a run's GGUF files with the model that was trained: tokens, chat template, end tokens, weights, "
        "logits and answers. Leaves verify.json in the run's directory; a file that fails gets .rejected behind its "
        "name. Exit codes: 0 they are equal, 1 they differ, 2 it could not be told."
    )
    finished_run.add_run(parser)
    parser.add_argument("--json", action="store_true", help="print one object, by verify.schema.json")


def run(args: argparse.Namespace) -> int:
    folder = finished_run.folder_of(args.run)
    code = finished_run.trainer(["verify", str(folder)], quiet=args.json)
    if args.json and code in (0, 1):
        print((folder / verification.FILE).read_text(encoding="utf-8"), end="")
    return code
