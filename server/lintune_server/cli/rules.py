"""`lintune rules`: the rule book as a table, or as JSON."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from lintune_server.cli.terminal import BOLD, COLOURS, DIM, Look
from lintune_server.rule_book import RULES
from lintune_server.rules import FAMILIES

if TYPE_CHECKING:
    import argparse

    from lintune_server.lint.rule import Rule


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "List the rules: code, severity, whether --fix or --fix --unsafe mends it, name."
    parser.add_argument("--json", action="store_true", help="one JSON array, with summaries and pages")


def run(args: argparse.Namespace) -> int:
    if args.json:
        print(json.dumps([_entry(rule) for rule in RULES], ensure_ascii=False, indent=2))
        return 0
    look = Look.of(sys.stdout)
    for rule in RULES:
        severity = look.paint(f"{rule.severity.label:<7}", COLOURS[rule.severity])
        fix = look.paint(f"{ {'safe': 'fix', 'unsafe': 'unsafe'}.get(rule.fix or '', ''):<6}", DIM)
        print(f"{look.paint(rule.code, BOLD)}  {severity}  {fix}  {rule.name}")
    return 0


def _entry(rule: Rule) -> dict[str, Any]:
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity.label,
        "family": {"code": rule.family, "title": FAMILIES[rule.family]},
        "fix": rule.fix,
        "summary": rule.summary,
        "doc": rule.doc,
    }
