"""`lintune convert FILE`: a JSON list, a table or a Parquet file as JSON Lines; other formats as OpenAI chat."""

from __future__ import annotations

import codecs
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lintune_schemas.errors import LintuneError
from lintune_server.cli.progress import Progress
from lintune_server.cli.terminal import clean, nearby, number

if TYPE_CHECKING:
    import argparse

    from lintune_server.conversion.converting import Count
    from lintune_server.conversion.items import Left

_LISTED = 20
_STANDARD_OUTPUT = Path("-")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Write a JSON list, pretty-printed JSON, CSV, TSV, Parquet, or a gzip archive of these, as JSON Lines: one "
        "sample a line, as it was written. Exit codes: 0 all was converted, 1 some was not (each is listed), 2 could "
        "not run."
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument(
        *("-o", "--output"),
        type=Path,
        metavar="OUT",
        help="the file to write; - for standard output (default: FILE with the ending .jsonl)",
    )
    parser.add_argument("--force", action="store_true", help="overwrite OUT when it is there")
    parser.add_argument(
        "--to",
        choices=["messages"],
        help=(
            "messages: write ShareGPT, Alpaca and prompt/completion as OpenAI chat; preference pairs stay as they are "
            "(default: keep the format)"
        ),
    )
    parser.add_argument(
        "--delimiter",
        type=_delimiter,
        metavar="CHAR",
        help="between a table's cells: a character, or tab (default: found)",
    )
    parser.add_argument("--encoding", type=_encoding, metavar="NAME", help="as in cp1252 (default: found)")
    parser.add_argument(
        "--max-listed",
        type=_count,
        default=_LISTED,
        metavar="N",
        help=f"list at most N things that could not be converted; 0: all (default: {_LISTED})",
    )


def run(args: argparse.Namespace) -> int:
    """Raises LintuneError when nothing can be converted."""
    from lintune_server.conversion import converting, sources

    source = sources.find_out(args.file, args.encoding, args.delimiter)
    target = None if args.output == _STANDARD_OUTPUT else _target(args)
    with Progress() as progress:
        listing = _Listing(args.file, args.max_listed, progress)
        progress.start(str(args.file))
        count = converting.convert(
            source,
            target.resolve() if target else sys.stdout.buffer,
            listing.tell,
            to_messages=args.to is not None,
            progress=progress.report,
        )
    listing.end()
    _say(args.file, source.what, target, count)
    return int(count.left > 0)


def _target(args: argparse.Namespace) -> Path:
    """The file to write. Raises LintuneError when it cannot be."""
    target: Path = args.output or _default(args.file, chat=args.to is not None)
    if target.is_dir():
        raise LintuneError(f"{target} is a folder. Name a file with -o.")
    if target.exists() and target.samefile(args.file):
        raise LintuneError(f"{target} is the file itself. Name another one with -o.")
    if (target.exists() or target.is_symlink()) and not args.force:
        raise LintuneError(f"{target} is there already. Name another file with -o, or overwrite it with --force.")
    folder = target.absolute().parent
    if not folder.is_dir():
        raise LintuneError(f"There is no folder {target.parent} to write {target.name} into.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise LintuneError(f"{folder} cannot be written into. Name another file with -o, or change its permissions.")
    return target


def _default(file: Path, *, chat: bool) -> Path:
    bare = file.with_suffix("") if file.suffix.lower() == ".gz" else file
    target = bare.with_suffix(".jsonl")
    return bare.with_suffix(".messages.jsonl" if chat else ".converted.jsonl") if target == file else target


class _Listing:
    """What could not be converted, on standard error while it is found: a file may hold millions."""

    def __init__(self, file: Path, most: int, progress: Progress) -> None:
        self._name = clean(str(nearby(file)))
        self._most = most
        self._progress = progress
        self._count = 0

    def tell(self, left: Left) -> None:
        self._count += 1
        if not self._most or self._count <= self._most:
            self._progress.clear()
            print(f"{self._name}:{left.place}: not converted: {clean(left.why)}.", file=sys.stderr)

    def end(self) -> None:
        more = self._count - self._most
        if self._most and more > 0:
            print(f"and {more:,} more: --max-listed 0 lists them all.", file=sys.stderr)


def _say(file: Path, what: str, target: Path | None, count: Count) -> None:
    name = clean(str(nearby(file)))
    if count.converted:
        where = f" into {clean(str(nearby(target)))}" if target else ""
        said = f"{name} ({what}): {number(count.converted, 'sample')}{where}."
    else:
        said = f"{name} ({what}): no sample could be converted{', and nothing was written' if target else ''}."
    if count.left and count.converted:
        said += f" Not converted: {count.left:,}."
    print(said, file=sys.stderr)


def _delimiter(text: str) -> str:
    char = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if len(char) != 1 or char in '"\r\n':
        raise ValueError
    return char


def _encoding(text: str) -> str:
    try:
        b"ab".decode(text, "replace")  # some codecs make no text
        return codecs.lookup(text).name
    except LookupError:
        raise ValueError from None


def _count(text: str) -> int:
    count = int(text)
    if count < 0:
        raise ValueError
    return count
