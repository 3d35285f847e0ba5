"""`lintune rules`: the rule book as a table, or as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lintune_server.rules import RULES

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "List the rules: code, severity, name."
    parser.add_argument("--json", action="store_true", help="one JSON array, with the rules' pages")


def run(args: argparse.Namespace) -> int:
    if args.json:
        book = [
            {"code": rule.code, "name": rule.name, "severity": rule.severity.label, "doc": rule.doc} for rule in RULES
        ]
        print(json.dumps(book, ensure_ascii=False, indent=2))
    else:
        for rule in RULES:
            print(f"{rule.code}  {rule.severity.label:<8} {rule.name}")
    return 0
