"""Checking files on disk: which ones, what they hold, what is found in them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lintune_schemas import recipe as recipes
from lintune_schemas.errors import LintuneError
from lintune_server.lint import baseline, judging, scanning
from lintune_server.lint.context import context_for
from lintune_server.lint.peers import Peers
from lintune_server.lint.sieve import Sieve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Set

    from lintune_schemas.samples import SampleFormat
    from lintune_server.lint.context import Context
    from lintune_server.lint.findings import Finding
    from lintune_server.lint.scanning import DiskLines, Scan
    from lintune_server.lint.selection import Selection
    from lintune_server.lint.sieve import Ignore

DATASET_SUFFIXES = (".jsonl", ".ndjson")
YAML_SUFFIXES = (".yaml", ".yml")
_CONVERTIBLE = (".json", ".csv", ".tsv", ".parquet", ".gz")
_NOT_SEARCHED = {"node_modules", "__pycache__", "venv", "build", "dist"}


@dataclass(frozen=True, slots=True)
class Checked:
    """A file and its findings."""

    path: Path
    findings: list[Finding]
    """Those that count, in the order of the file."""
    totals: Totals | None
    """None for a recipe."""
    note: str | None
    """Why its tokens were not looked at."""
    lines: DiskLines
    sieve: Sieve
    scan: Scan | None = None
    """None for a recipe."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts of a data set. tokens, trained_tokens: of the samples without errors; None without a tokenizer."""

    format: SampleFormat | None
    samples: int
    tokens: int | None
    trained_tokens: int | None


def files_of(path: Path) -> Iterator[Path]:
    """The data sets and recipes that a path stands for: itself, or what is in a folder, sorted.

    Raises LintuneError when there is no such path, or it is nothing that can be checked.
    """
    if path.is_dir():
        if path.suffix in (*DATASET_SUFFIXES, *YAML_SUFFIXES):
            raise LintuneError(f"{path} is a folder, not a file. Rename it, or give the files in it.")
        yield from _in_folder(path)
    elif not path.exists():
        raise LintuneError(f"There is no {path}. Give a data set (.jsonl), a recipe (.yaml) or a folder.")
    elif path.suffix in (*DATASET_SUFFIXES, *YAML_SUFFIXES):
        yield path
    else:
        advice = f" Convert it first: lintune convert {path}" if path.suffix.lower() in _CONVERTIBLE else ""
        raise LintuneError(f"{path} is neither a data set (.jsonl) nor a recipe (.yaml).{advice}")


def is_data_set(path: Path) -> bool:
    return path.suffix in DATASET_SUFFIXES


def check(
    path: Path,
    recipe: Path | None,
    selection: Selection,
    content: Path | None = None,
    *,
    with_baseline: bool = True,
    watches: bool = False,
    used: Set[Ignore] | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Checked:
    """Check one file.

    recipe: of the data set, in the place of the one it belongs to. content: the file to read in the place of `path`,
    which findings name all the same. with_baseline: whether to be quiet about what the file's baseline has. watches:
    whether `sieve.used` has to be complete. used: of a recipe, that of all of its data sets; None when not known.
    progress: told the bytes that are done, and all. Raises LintuneError.
    """
    known = baseline.known_of(path) if with_baseline else None
    if is_data_set(path):
        context = context_for(path, recipe)
        sieve = Sieve(path, context.recipe, context.recipe_path, selection, known=known, watches=watches)
        return _check_data_set(path, context, sieve, scanning.scan(path, context, content, progress))
    from lintune_server.lint.recipe import judge
    from lintune_server.lint.recipe_source import RecipeSource

    source = RecipeSource(read(content or path), path)
    sieve = Sieve(path, source.recipe, path, selection, known=known, watches=used is not None)
    return Checked(path, judge(source, sieve, used), None, None, scanning.lines_of(content or path), sieve)


def _check_data_set(path: Path, context: Context, sieve: Sieve, scan: Scan) -> Checked:
    found = [*scan.not_json_lines, *scan.part.findings]
    if not scan.not_json_lines:
        peers = Peers.of(context, lambda peer: scanning.peer(peer, context))
        found += judging.judge(scan.data, scan.part, peers, sieve.asks)
    counted = context.tokenizer is not None
    totals = Totals(
        scan.format,
        len(scan.data),
        sum(scan.part.tokens) if counted else None,
        sum(scan.part.trained_tokens) if counted else None,
    )
    findings = sieve.sift(found, scan.lines.text)
    return Checked(path, findings, totals, context.problem, scan.lines, sieve, scan)


def read(path: Path) -> str:
    """A file's text, line ends as they are. Raises LintuneError."""
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise LintuneError(
            f"{path} is no UTF-8 text: byte {error.start + 1} fits nowhere. Save it as UTF-8."
        ) from error
    except OSError as error:
        raise LintuneError(f"{path} could not be read: {error.strerror}.") from error


def _in_folder(top: Path) -> Iterator[Path]:
    for name, folders, files in os.walk(top):
        folders[:] = sorted(folder for folder in folders if folder[0] != "." and folder not in _NOT_SEARCHED)
        for file in sorted(files):
            path = Path(name, file)
            if is_data_set(path) or (path.suffix in YAML_SUFFIXES and _is_recipe(path)):
                yield path


def _is_recipe(path: Path) -> bool:
    if recipes.is_recipe_name(path):
        return True
    try:
        return recipes.names_base_model(read(path))
    except LintuneError:
        return False
