"""`lintune check PATH…`: findings of data sets and recipes, for people and for programs."""

from __future__ import annotations

import difflib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lintune_schemas import atomic
from lintune_schemas import recipe as recipes
from lintune_schemas.errors import LintuneError
from lintune_server.cli import reports
from lintune_server.lint import checking, fixing
from lintune_server.lint.findings import Severity
from lintune_server.lint.selection import Selection

if TYPE_CHECKING:
    import argparse

    from lintune_server.lint.checking import Checked

_ROUNDS = 10
"""A fix may bring up the next one; more rounds than this would be two fixes that undo each other."""


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
    checked = checking.check(path, args.recipe, selection)
    if args.fix or args.diff:
        before, count = checked.text, 0
        text, checked, count = _fixed(checked, args.recipe, selection)
        if args.diff:
            outcome.diff += _diff(path, before, text)
        elif text != before:
            _write(path, text)
        outcome.fixed += count
    if checked.note:
        outcome.notes.append(f"{path}: {checked.note}")
    outcome.checked.append(checked)


def _fixed(checked: Checked, recipe: Path | None, selection: Selection) -> tuple[str, Checked, int]:
    """The text with every safe fix applied, what remains to be found in it, and how many fixes there were."""
    count = 0
    for _ in range(_ROUNDS):
        edits = fixing.safe_edits(checked.findings)
        if not edits:
            break
        count += len(edits)
        checked = checking.check_text(checked.path, fixing.apply(checked.text, edits), recipe, selection)
    return checked.text, checked, count


def _write(path: Path, text: str) -> None:
    target = path.resolve()  # of a link, what it points to
    try:
        atomic.write_text(target, text)
    except OSError as error:
        raise LintuneError(f"{path} could not be written: {error.strerror}. Nothing was changed in it.") from error


def _diff(path: Path, before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), str(path), f"{path} (fixed)"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _codes(text: str) -> tuple[str, ...]:
    return tuple(code.strip().upper() for code in text.split(",") if code.strip())
