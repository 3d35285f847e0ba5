"""Names that a recipe may give as `base_model`: what lies beside it, the hub's cache, and models to begin with."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING

from lintune_schemas import base_model, model_facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from lintune_schemas.model_config import ModelFacts
    from lintune_schemas.starter_models import Starter

_DEPTH = 2
"""Folders below the recipe's in which models are looked for: `models/NAME` is as deep as people put them."""
_MOST_ENTRIES = 2_000
"""Files and folders that are looked at; a data set of single files may lie beside a recipe."""
_SKIPPED = frozenset({"node_modules", "site-packages", "__pycache__"})


class Origin(StrEnum):
    BUILT_IN = "built in"
    FOLDER = "model folder"
    GGUF = "GGUF file"
    HUB_CACHE = "downloaded"
    STARTER = "on the hub"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that can be a base model."""

    name: str
    """As a recipe writes it."""
    origin: Origin
    phrase: str
    """What it is, on one line."""


def candidates(recipe_folder: Path) -> list[Candidate]:
    """All that can be the base model of a recipe in that folder; what is on this machine comes first."""
    from lintune_schemas.starter_models import STARTERS, by_name

    found = {}
    for name, origin in _here(recipe_folder):
        facts = model_facts.facts_of(name, recipe_folder)
        if facts:
            listed = by_name(name)
            said = _phrase(listed) if listed else f"{facts.architecture}, {_size(facts)}"
            found[name.lower()] = Candidate(name, origin, f"{origin}: {said}")
    for starter in STARTERS:
        found.setdefault(starter.id.lower(), Candidate(starter.id, Origin.STARTER, _phrase(starter)))
    return list(found.values())


def nearest(name: str, recipe_folder: Path) -> list[str]:
    """Of all that can be a base model, up to three that are most likely meant by a name that was not found."""
    known = list(_known(recipe_folder))
    by_end: dict[str, list[str]] = {}
    for one in known:
        for end in (one.lower(), _last_part(one)):
            by_end.setdefault(end, []).append(one)
    wanted = dict.fromkeys((name.lower().removeprefix("./"), _last_part(name)))
    for one in wanted:
        if one in by_end:
            return by_end[one][:3]
    close = [end for one in wanted for end in get_close_matches(one, by_end, n=3, cutoff=0.75)]
    return list(dict.fromkeys(one for end in close for one in by_end[end]))[:3]


def misspelt(name: str, recipe_folder: Path) -> str | None:
    """The known model of which this name, not known itself, is a misspelling: one or two letters differ, no number.

    Sizes and versions differ in numbers (`gemma-3-4b`, `gemma-3n-E4B`), so those are other models, not mistakes.
    """
    known = list(_known(recipe_folder))
    if name.lower() in map(str.lower, known):
        return None
    close = [one for one in known if _numbers(one) == _numbers(name) and 0 < _distance(name, one, most=2) <= 2]
    return min(close, key=lambda one: _distance(name, one, most=2), default=None)


def _known(recipe_folder: Path) -> Iterator[str]:
    from lintune_schemas.starter_models import STARTERS

    yield from dict.fromkeys([*(name for name, _ in _here(recipe_folder)), *(starter.id for starter in STARTERS)])


def _here(recipe_folder: Path) -> Iterator[tuple[str, Origin]]:
    """Names of the models on this machine."""
    yield base_model.DEMO_MODEL, Origin.BUILT_IN
    yield from _beside(recipe_folder)
    for folder in sorted(base_model.hub_cache().glob("models--*--*")):
        _, owner, name = folder.name.split("--", 2)
        if base_model.hub_snapshot(f"{owner}/{name}"):
            yield f"{owner}/{name}", Origin.HUB_CACHE


def _beside(recipe_folder: Path) -> Iterator[tuple[str, Origin]]:
    left = _MOST_ENTRIES
    folders = [(recipe_folder, "", 0)]
    while folders and left > 0:
        folder, prefix, depth = folders.pop(0)
        try:
            with os.scandir(folder) as listed:
                entries = sorted(
                    (entry for entry, _ in zip(listed, range(left), strict=False)), key=lambda one: one.name
                )
        except OSError:
            continue
        left -= len(entries)
        for entry in entries:
            path = folder / entry.name
            if entry.name.startswith(".") or entry.name in _SKIPPED:
                continue
            if entry.name.endswith(".gguf") and path.is_file():
                yield f"{prefix}{entry.name}", Origin.GGUF
            elif is_folder(entry):
                if (path / "config.json").is_file():
                    yield f"{prefix or './'}{entry.name}", Origin.FOLDER
                elif depth < _DEPTH:
                    folders.append((path, f"{prefix}{entry.name}/", depth + 1))


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether a folder's entry is, or leads to, a folder; of links in a circle `DirEntry.is_dir` raises OSError."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _phrase(starter: Starter) -> str:
    kind = "instruct" if starter.instruct else "base"
    return f"{starter.family} {kind}, {_size(starter.facts)}, licence {starter.licence}: {starter.strengths}"


def _size(facts: ModelFacts) -> str:
    size = f"{facts.parameters / 1e9:.2g}B parameters"
    return f"{size}, context {facts.context_length:,}" if facts.context_length else size


def _last_part(name: str) -> str:
    return re.split(r"[/\\]", name.lower().rstrip("/\\"))[-1].removesuffix(".gguf")


def _numbers(name: str) -> list[str]:
    """What tells sizes and versions: the parts with a digit, without the words that stand before it."""
    parts = re.split(r"[^a-z0-9]+", name.lower())
    return [re.sub(r"[a-z]{3,}", "", part) for part in parts if any(map(str.isdigit, part))]


def _distance(one: str, other: str, most: int) -> int:
    """Letters to insert, delete, change or swap with the next, whatever their case; `most` + 1 for more than `most`."""
    a, b = one.lower(), other.lower()
    if abs(len(a) - len(b)) > most:
        return most + 1
    before: Iterable[int] = ()
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a):
        last, row = row, [i + 1]
        previous = list(before)
        for j, wanted in enumerate(b):
            cost = min(last[j] + (letter != wanted), last[j + 1] + 1, row[j] + 1)
            if i and j and letter == b[j - 1] and wanted == a[i - 1]:
                cost = min(cost, previous[j - 1] + 1)
            row.append(cost)
        before = last
    return min(row[-1], most + 1)
