"""`lintune diff OLD NEW`: what changed between two versions of a data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lintune_schemas import recipe as recipes
from lintune_schemas.errors import LintuneError
from lintune_server.cli import diff_json, diff_text, output
from lintune_server.cli.progress import Progress
from lintune_server.lint import checking
from lintune_server.lint.data_set_diff import DataSetDiff
from lintune_server.lint.selection import Selection

if TYPE_CHECKING:
    import argparse

    from lintune_server.lint.checking import Checked


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "What changed between two versions of a data set: samples, tokens, labels, and what lintune check finds. Both "
        "are judged as NEW is: by its recipe, and beside the recipe's other files. Exit codes: 0, or 2 when one could "
        "not be read."
    )
    parser.add_argument("old", type=Path, metavar="OLD")
    parser.add_argument("new", type=Path, metavar="NEW")
    parser.add_argument("--recipe", type=Path, help="judge both by this recipe (default: that of NEW)")
    parser.add_argument("--json", action="store_true", help="one object, by diff-report.schema.json")


def run(args: argparse.Namespace) -> int:
    """Raises LintuneError when one of the two cannot be read."""
    if args.recipe is not None:
        recipes.parse(args.recipe)
    with Progress() as progress:
        old, new = (_check(path, args, progress) for path in (args.old, args.new))
        found = DataSetDiff(args.old, old, args.new, new)
    with output.opened(None) as out:
        if args.json:
            diff_json.write(found, out)
        else:
            diff_text.write(found, out)
    return 0


def _check(path: Path, args: argparse.Namespace, progress: Progress) -> Checked:
    for each in (path, args.new):
        if not checking.is_data_set(each) or not each.is_file():
            raise LintuneError(f"There is no data set (.jsonl) {each}.")
    progress.start(str(path))
    checked = checking.check(
        args.new,
        args.recipe,
        Selection(),
        path if path != args.new else None,
        with_baseline=False,
        progress=progress.report,
    )
    assert checked.scan is not None
    if checked.scan.not_json_lines:
        raise LintuneError(f"{path} is no JSON Lines file. See: lintune check {path}")
    return checked
