"""`lintune check PATH…`: findings of data sets and recipes, for people and for programs."""

from __future__ import annotations

import os
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from lintune_schemas import recipe as recipes
from lintune_schemas.errors import LintuneError
from lintune_server.cli import output, reports
from lintune_server.cli.check_run import CheckRun
from lintune_server.cli.summary import summary
from lintune_server.cli.tally import Tally
from lintune_server.cli.terminal import Look, clean, number
from lintune_server.lint.checking import is_data_set
from lintune_server.lint.findings import Severity
from lintune_server.lint.selection import Selection
from lintune_server.lint.words import closest
from lintune_server.rule_book import BY_CODE

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Find what would go wrong in training, in data sets (.jsonl) and recipes (.yaml). "
        "Exit codes: 0 nothing at or above --fail-on, 1 findings (or, with --diff, changes), "
        "2 something could not be checked."
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files, or folders to search")
    parser.add_argument("--recipe", type=Path, help="judge all data sets by this recipe (default: the one of each)")
    parser.add_argument(
        "--fail-on",
        choices=[severity.label for severity in sorted(Severity, reverse=True)],
        default="error",
        help="exit with 1 when anything as severe is found (default: error)",
    )

    rules = parser.add_argument_group("rules")
    rules.add_argument("--select", type=_codes, metavar="C,…", help="only these rules: codes or their beginnings")
    rules.add_argument("--ignore", type=_codes, metavar="C,…", default=(), help="without these rules")
    rules.add_argument(
        "--update-baseline",
        action="store_true",
        help="keep what is found now in .lintune-baseline.json: from then on, only new findings show",
    )
    rules.add_argument("--no-baseline", action="store_true", help="show what is in the baseline, too")

    fixes = parser.add_argument_group("fixes")
    ways = fixes.add_mutually_exclusive_group()
    ways.add_argument("--fix", action="store_true", help="apply every safe fix, and report what remains")
    ways.add_argument("--diff", action="store_true", help="show what --fix would change, and change nothing")
    fixes.add_argument("--unsafe", action="store_true", help="with --fix or --diff: fixes that may lose data, too")
    fixes.add_argument(
        "--write-clean",
        type=Path,
        metavar="OUT",
        help="write the samples without errors to OUT, and the others with their findings beside it",
    )

    outputs = parser.add_argument_group("output")
    outputs.add_argument(
        "--output-format",
        choices=list(reports.FORMATS),
        default="full",
        help="; ".join(f"{name}: {what}" for name, what in reports.FORMATS.items()) + " (default: full)",
    )
    outputs.add_argument("--output-file", type=Path, metavar="F", help="write to F, not to standard output")
    outputs.add_argument(
        "--max-findings",
        type=_count,
        metavar="N",
        help=(
            f"list at most N findings of a rule in a file; 0: all (default: {reports.SHOWN} in full and html, and in "
            "concise on a terminal; elsewhere all)"
        ),
    )


def run(args: argparse.Namespace) -> int:
    """Raises LintuneError when nothing can be checked as it was asked for."""
    # numpy would start threads of its own, beside which no processes can be forked to check a large file.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    _refuse_what_does_not_go_together(args)
    if args.recipe is not None:
        recipes.parse(args.recipe)
    checks = CheckRun(args, Selection(args.select, args.ignore))
    if args.write_clean is not None:
        _refuse_to_overwrite(args.write_clean, checks.files)
    if args.update_baseline:
        print(checks.update_baseline())
        checks.say_what_came_up("")
        return 2 if checks.troubles else 0
    tally = Tally()
    with output.opened(args.output_file) as out:
        if args.diff:
            for file in checks.each(partial(_show, out)):
                tally.add(file)
        else:
            writer = reports.writer(args.output_format, out, args.max_findings)
            for file in checks.each():
                writer.add(file)
                tally.add(file)
            tally.fixed = checks.fixed
            writer.end(tally)
        out.flush()
    if args.diff and checks.fixed:
        print(f"lintune: {number(checks.fixed, 'change')} to make; what would remain:", file=sys.stderr)
    if args.diff or args.output_file is not None:
        sys.stderr.write(summary(tally))
    checks.say_what_came_up(_update_command(args))
    if checks.troubles:
        return 2
    return int(tally.at_least(Severity[args.fail_on.upper()]) or (args.diff and checks.fixed > 0))


def _show(out: TextIO, diff: Iterator[bytes]) -> None:
    """Byte by byte, so that `patch` takes it; on a terminal with colours, and nothing that moves the cursor."""
    look = Look.of(out)
    for chunk in diff:
        if out.isatty():
            text, end, _ = chunk.decode("utf-8", "replace").partition("\n")
            code = {"+": "32", "-": "31", "@": "36"}.get(text[:1], "")
            out.write(f"{look.paint(clean(text), code) if code else clean(text)}{end}")
        else:
            out.buffer.write(chunk)


def _refuse_what_does_not_go_together(args: argparse.Namespace) -> None:
    if args.unsafe and not (args.fix or args.diff):
        raise LintuneError("--unsafe goes with --fix or --diff.")
    if args.diff and args.write_clean is not None:
        raise LintuneError("--diff changes nothing, so there is nothing for --write-clean.")
    if args.update_baseline and (args.diff or args.no_baseline):
        raise LintuneError("--update-baseline goes neither with --diff nor with --no-baseline.")
    for code in (*(args.select or ()), *args.ignore):
        if not any(known.startswith(code) for known in BY_CODE):
            nearest = closest(code, BY_CODE)
            raise LintuneError(
                f"There is no rule {code}.{f' Is {nearest} meant?' if nearest else ''} See: lintune rules"
            )


def _refuse_to_overwrite(target: Path, files: Sequence[Path]) -> None:
    data_sets = [path for path in files if is_data_set(path)]
    if len(data_sets) != 1:
        raise LintuneError(f"--write-clean takes one data set, and there are {len(data_sets):,} in what was given.")
    if not target.absolute().parent.is_dir():
        raise LintuneError(f"There is no folder {target.parent} to write {target.name} into.")
    from lintune_server.lint.clean_copy import rejects_of

    for path in (target, rejects_of(target)):
        if path.is_dir():
            raise LintuneError(f"{path} is a folder. Name a file.")
        if path.exists() and path.samefile(data_sets[0]):
            raise LintuneError(f"{path} is the data set itself: --write-clean writes a new file.")


def _update_command(args: argparse.Namespace) -> str:
    recipe = ("--recipe", str(args.recipe)) if args.recipe else ()
    return shlex.join(["lintune", "check", *map(str, args.paths), *recipe, "--update-baseline"])


def _codes(text: str) -> tuple[str, ...]:
    return tuple(code.strip().upper() for code in text.split(",") if code.strip())


def _count(text: str) -> int:
    count = int(text)
    if count < 0:
        raise ValueError
    return count
