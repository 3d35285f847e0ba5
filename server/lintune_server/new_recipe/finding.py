"""Which data sets there are, and which of them is to evaluate with."""

from __future__ import annotations

import os
import re
from itertools import islice
from typing import TYPE_CHECKING

from lintune_schemas.errors import LintuneError
from lintune_server.lint import checking
from lintune_server.new_recipe.data_file import examine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lintune_server.new_recipe.data_file import DataFile

_EVALUATION = ("eval", "evaluation", "valid", "validation", "val", "dev", "test")
_TRAINING = ("train", "training")
_DEPTH = 2
"""Folders below the one where data sets are looked for: `data/task/train.jsonl`."""
_MOST = 5_000
"""Files and folders that are looked at by name: somebody may start this in their home."""


def data_sets(folder: Path) -> list[Path]:
    """Those in a folder to train on, the likeliest first."""
    found = [path for path in _within(folder) if not _words(path) & set(_EVALUATION)]
    return sorted(found, key=lambda path: (not _words(path) & set(_TRAINING), -path.stat().st_size, path))


def _within(top: Path) -> Iterator[Path]:
    left = _MOST
    folders = [(top, 0)]
    while folders and left > 0:
        folder, depth = folders.pop(0)
        try:
            entries = sorted(islice(folder.iterdir(), left))
        except OSError:  # not there, or not ours to look into
            continue
        left -= len(entries)
        for path in entries:
            if path.is_dir() and depth < _DEPTH and not path.name.startswith("."):
                folders.append((path, depth + 1))
            elif checking.is_data_set(path) and path.is_file():
                yield path


def evaluation_of(data: DataFile) -> DataFile | None:
    """The data set beside another one whose name says that it is the one to evaluate with, in the same format."""
    own = _words(data.path) - set(_TRAINING)
    for word in _EVALUATION:
        for path in sorted(data.path.parent.iterdir()):
            words = _words(path)
            if not checking.is_data_set(path) or word not in words or words - {word} not in (own, set()):
                continue
            try:
                found = examine(path)
            except LintuneError:
                continue
            if found.entry == data.entry:
                return found
    return None


def as_written(path: Path, folder: Path) -> str:
    """A path as a recipe in a folder writes it."""
    try:
        relative = os.path.relpath(os.path.realpath(path), os.path.realpath(folder))
    except ValueError:  # on another drive
        relative = str(path.absolute())
    if not relative.isprintable():
        raise LintuneError(f"The name {path.name!a} cannot be written in a recipe. Rename the file.")
    return relative.replace(os.sep, "/")


def _words(path: Path) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", path.stem.lower())) - {""}
