"""Data sets that lie beside a recipe."""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from lintune_schemas.model_names import is_folder
from lintune_server.language_server.recipes.candidate import Candidate, Sort
from lintune_server.lint.checking import DATASET_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SUFFIXES = (*DATASET_SUFFIXES, ".json")
_DEPTH = 2
"""Folders below the recipe's in which files are looked for: `data/raw/x.jsonl`. Others are found step by step."""
MOST_ENTRIES = 2_000
"""Files and folders that are looked at."""
_LOOKED_AT = 1 << 18
"""Bytes of a file in which its samples' keys are looked for."""
_SKIPPED = frozenset({"node_modules", "site-packages", "__pycache__", "venv", "build", "dist"})


def candidates(folder: Path | None, typed: str) -> Iterator[Candidate]:
    """Files below the recipe's folder; once a folder is typed, what is in it. typed: the path up to the cursor."""
    if folder is None:
        return
    start, prefix = typed_folder(folder, typed)
    yield from _below(start, prefix, depth=0 if prefix else _DEPTH)


def keys_of_samples(folder: Path | None, name: str) -> Iterator[Candidate]:
    """The keys of the first samples of a data set, and of their messages."""
    found: dict[str, str] = {}
    for sample in _first_samples(folder / name) if folder and name else ():
        for key, value in sample.items():
            found[key] = f"a key of the samples in {name}"
            messages = value if isinstance(value, list) else ()
            inner = [part for message in messages if isinstance(message, dict) for part in message]
            found |= dict.fromkeys(inner, f"a key of the {key} in {name}")
    yield from (Candidate(key, Sort.CHOICE, detail=detail) for key, detail in found.items())


def _first_samples(file: Path) -> Iterator[dict[str, Any]]:
    try:
        if not file.is_file():  # a pipe would be waited for
            return
        with file.open("rb") as opened:
            lines = opened.read(_LOOKED_AT).splitlines()[:20]
    except (OSError, ValueError):
        return
    for line in lines:
        with suppress(orjson.JSONDecodeError):
            sample = orjson.loads(line)
            if isinstance(sample, dict):
                yield sample


def _below(start: Path, prefix: str, depth: int) -> Iterator[Candidate]:
    left = MOST_ENTRIES
    waiting = [(start, prefix, 0)]
    while waiting and left > 0:
        folder, before, level = waiting.pop(0)
        entries = listed(folder, left)
        left -= len(entries)
        for entry in entries:
            if entry.name.startswith(".") or entry.name in _SKIPPED:
                continue
            if is_folder(entry):
                if level == 0:
                    yield Candidate(f"{before}{entry.name}/", Sort.FOLDER, rank=50)
                if level < depth:
                    waiting.append((folder / entry.name, f"{before}{entry.name}/", level + 1))
            elif entry.name.endswith(_SUFFIXES):
                rank = level if entry.name.endswith(DATASET_SUFFIXES) else 10
                yield Candidate(f"{before}{entry.name}", Sort.FILE, detail=_size(entry), rank=rank)


def typed_folder(folder: Path, typed: str) -> tuple[Path, str]:
    """The folder that a path which is being typed has come to, and that path up to its last slash."""
    typed = typed.replace("\\", "/")
    prefix = typed[: typed.rfind("/") + 1]
    return folder / os.path.expanduser(prefix), prefix  # noqa: PTH111 (a path of what is typed, whatever it is)


def listed(folder: Path, most: int = MOST_ENTRIES) -> list[os.DirEntry[str]]:
    """What is in a folder, by name; nothing for one that is not there."""
    try:
        with os.scandir(folder) as found:
            return sorted(islice(found, most), key=lambda one: one.name)
    except (OSError, ValueError):  # a NUL in the path
        return []


def _size(entry: os.DirEntry[str]) -> str:
    try:
        size = float(entry.stat().st_size)
    except OSError:
        return ""
    for unit in ("bytes", "KB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
