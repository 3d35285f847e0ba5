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
    from pathlib import Path

    from lintune_server.new_recipe.data_file import DataFile

_EVALUATION = ("eval", "evaluation", "valid", "validation", "val", "dev", "test")
_TRAINING = ("train", "training")
_MOST = 200
"""Files that are looked at by name: a folder may hold a corpus."""


def data_sets(folder: Path) -> list[Path]:
    """Those in a folder to train on, the likeliest first."""
    if not folder.is_dir():
        return []
    files = islice(filter(checking.is_data_set, checking.files_of(folder)), _MOST)
    found = [path for path in files if not _words(path) & set(_EVALUATION)]
    return sorted(found, key=lambda path: (not _words(path) & set(_TRAINING), -path.stat().st_size))


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
        return str(path.absolute())
    return relative.replace(os.sep, "/")


def _words(path: Path) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", path.stem.lower())) - {""}
