"""`lintune check PATH…`: findings of data sets and recipes, for people and for programs."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lintune_schemas import recipe as recipes
from lintune_schemas.errors import LintuneError
from lintune_server.cli import reports
from lintune_server.lint import checking, fixed_file
from lintune_server.lint.findings import Severity
from lintune_server.lint.selection import Selection

if TYPE_CHECKING:
    import argparse

    from lintune_server.lint.checking import Checked


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Find what would go wrong in training, in data sets (.jsonl) and recipes (.yaml). "
        "Exit codes: 0 nothing at or above --fail-on, 1 findings, 2 something could not be checked."
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files, or folders to search")
    parser.add_argument("--recipe", type=Path, help="judge all data sets by this recipe (default: the one of each)")
    parser.add_argument("--output-format", choices=sorted(reports.WRITERS), default="full", help="default: full")
    parser.add_argument("--select", type=_codes, metavar="C,…", help="only these rules: codes or their beginnings")
    parser.add_argument("--ignore", type=_codes, metavar="C,…", default=(), help="without these rules")
    parser.add_argument(
        "--fail-on", choices=[severity.label for severity in sorted(Severity, reverse=True)], default="error"
    )
    fixes = parser.add_mutually_exclusive_group()
    fixes.add_argument("--fix", action="store_true", help="apply every safe fix, and report what remains")
    fixes.add_argument("--diff", action="store_true", help="show what --fix would change, and change nothing")


def run(args: argparse.Namespace) -> int:
    """Raises LintuneError when a path cannot be checked at all."""
    if args.recipe is not None:
        recipes.parse(args.recipe)
    selection = Selection(args.select, args.ignore)
    outcome = _check_all(args, selection)
    for trouble in dict.fromkeys((*outcome.notes, *outcome.troubles)):
        print(f"lintune: {trouble}", file=sys.stderr)
    if args.diff:
        sys.stdout.write(outcome.diff)
    else:
        sys.stdout.write(reports.WRITERS[args.output_format](outcome.checked, outcome.fixed))
    if outcome.troubles:
        return 2
    threshold = Severity[args.fail_on.upper()]
    return int(any(finding.severity >= threshold for file in outcome.checked for finding in file.findings))


@dataclass(slots=True)
class _Outcome:
    checked: list[Checked]
    troubles: list[str]
    notes: list[str]
    fixed: int = 0
    diff: str = ""


def _check_all(args: argparse.Namespace, selection: Selection) -> _Outcome:
    outcome = _Outcome([], [], [])
    seen: set[Path] = set()
    for path in args.paths:
        try:
            files = list(checking.files_of(path))
        except LintuneError as error:
            outcome.troubles.append(str(error))
            continue
        for file in files:
            if file.resolve() in seen:
                continue
            seen.add(file.resolve())
            try:
                _check_file(file, args, selection, outcome)
            except LintuneError as error:
                outcome.troubles.append(str(error))
    return outcome


def _check_file(path: Path, args: argparse.Namespace, selection: Selection, outcome: _Outcome) -> None:
    if args.fix or args.diff:
        fixed = fixed_file.fix(path, args.recipe, selection, write=args.fix)
        checked = fixed.checked
        outcome.fixed += fixed.count
        outcome.diff += fixed.diff if args.diff else ""
    else:
        checked = checking.check(path, args.recipe, selection)
    if checked.note:
        outcome.notes.append(f"{path}: {checked.note}")
    outcome.checked.append(checked)


def _codes(text: str) -> tuple[str, ...]:
    return tuple(code.strip().upper() for code in text.split(",") if code.strip())
