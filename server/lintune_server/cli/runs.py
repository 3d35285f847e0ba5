"""`lintune runs`: the runs of a recipe; one of them in detail; what two of them differ in."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from lintune_schemas.errors import LintuneError
from lintune_server.cli import finished_run, output, run_diff_text, run_text, runs_json, runs_text
from lintune_server.cli.terminal import ASCII, Look, has_unicode
from lintune_server.training import records
from lintune_server.training.run_diff import RunDiff

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_COMMANDS = ("list", "show", "compare")
_PICTURES = (".svg", ".png")
_RUN = "a run: its directory, its name or a beginning of it, latest, or latest~1 for the one before"


class Parser(argparse.ArgumentParser):
    """Without one of its commands, `list` is meant."""

    def parse_known_args(  # type: ignore[override] # one for all of argparse's overloads
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> Any:
        words = list(args or ())
        if not words or words[0] not in (*_COMMANDS, "-h", "--help"):
            words.insert(0, "list")
        return super().parse_known_args(words, namespace)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = (
        "lintune runs [--json] [RECIPE|FOLDER]\n"
        "       lintune runs show [--plot FILE] [--json] [RUN]\n"
        "       lintune runs compare [--json] [A] [B]"
    )
    parser.description = (
        "The runs of a recipe, or all runs in a folder, newest first; one of them in detail; what two of them differ "
        "in. Exit codes: 0, or 2 when there is no such run."
    )
    commands = parser.add_subparsers(
        dest="command", required=True, title="commands", parser_class=argparse.ArgumentParser
    )
    whose = "whose runs (default: those of the nearest folder upward that has some)"
    listing = commands.add_parser("list", prog="lintune runs", help="list them: what is done without a command")
    listing.add_argument("place", type=Path, nargs="?", metavar="RECIPE|FOLDER", help=whose)
    show = commands.add_parser("show", prog="lintune runs show", help="evaluations, warnings, files, loss of one run")
    show.add_argument("run", nargs="?", default="latest", metavar="RUN", help=f"{_RUN} (default: latest)")
    show.add_argument("--plot", type=Path, metavar="FILE", help="draw its loss into a picture (.svg, .png) instead")
    compare = commands.add_parser("compare", prog="lintune runs compare", help="what two runs differ in")
    compare.add_argument("a", nargs="?", default="latest~1", metavar="A", help=f"{_RUN} (default: latest~1)")
    compare.add_argument("b", nargs="?", default="latest", metavar="B", help="as A (default: latest)")
    for one in (show, compare):
        one.add_argument("--in", type=Path, dest="place", metavar="RECIPE|FOLDER", help=whose)
    for one in (listing, show, compare):
        one.add_argument("--json", action="store_true", help="one object, by runs-report.schema.json")


def run(args: argparse.Namespace) -> int:
    """Raises LintuneError when there is no such run."""
    if args.command == "show" and args.plot is not None:
        return _plot(records.find(args.run, args.place).folder, args.plot)
    ascii_only = not has_unicode(sys.stdout)
    with output.opened(None) as out:
        if args.json:
            report = orjson.dumps(_report(args), option=orjson.OPT_INDENT_2).decode()
            out.write(f"{report}\n")
            return 0
        for line in _lines(args, Look.of(out), ascii_only=ascii_only):
            out.write(f"{line.translate(ASCII) if ascii_only else line}\n")
    return 0


def _report(args: argparse.Namespace) -> dict[str, Any]:
    match args.command:
        case "show":
            return runs_json.of_run(records.find(args.run, args.place))
        case "compare":
            return runs_json.of_two(_two(args))
    return runs_json.of_all(records.all_of(args.place))


def _lines(args: argparse.Namespace, look: Look, *, ascii_only: bool) -> Iterator[str]:
    match args.command:
        case "show":
            return run_text.page(records.find(args.run, args.place), look, ascii_only=ascii_only)
        case "compare":
            return run_diff_text.page(_two(args), look, ascii_only=ascii_only)
    return runs_text.page(records.all_of(args.place), args.place, look)


def _two(args: argparse.Namespace) -> RunDiff:
    return RunDiff(records.find(args.a, args.place), records.find(args.b, args.place))


def _plot(run: Path, picture: Path) -> int:
    if picture.suffix.lower() not in _PICTURES:
        raise LintuneError(f"--plot draws .svg or .png, not {picture.name}.")
    if not picture.parent.is_dir():
        raise LintuneError(f"There is no folder {picture.parent} to draw {picture.name} into.")
    return finished_run.trainer(["plot", str(run), str(picture)])
