"""`lintune rule CODE`: a rule's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas.errors import LintuneError
from lintune_server.lint.words import closest
from lintune_server.rules import BY_CODE

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Explain one rule."
    parser.add_argument("code", metavar="CODE", type=str.upper, help="as TK203")


def run(args: argparse.Namespace) -> int:
    rule = BY_CODE.get(args.code)
    if rule is None:
        nearest = closest(args.code, BY_CODE)
        hint = f" Is {nearest} meant?" if nearest else ""
        raise LintuneError(f"There is no rule {args.code}.{hint} See: lintune rules")
    print(f"# {rule.code} {rule.name} ({rule.severity.label})\n\n{rule.doc}")
    return 0
