"""What a recipe's data sets are told as a whole, shown where the recipe names them, too."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from lintune_schemas.recipe import real_path
from lintune_server.lint import scanning
from lintune_server.lint.context import Context
from lintune_server.lint.findings import Finding, Related
from lintune_server.lint.peers import Peers
from lintune_server.lint.sieve import Sieve
from lintune_server.rules import FILE_RULES, UNUSED_IGNORE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lintune_server.lint.data_set import DataSet
    from lintune_server.lint.recipe_source import RecipeSource

_LARGEST = 32 << 20
"""Bytes of a file that is read to judge a recipe. A larger one holds samples enough, and is judged where it is open."""


def check(source: RecipeSource, asks: Callable[[str], bool]) -> Iterator[Finding]:
    """The findings of the DS rules, each once, at the first path that it is about. asks: whether a rule is asked."""
    recipe, path = source.recipe, source.path
    rules = [rule for rule in FILE_RULES if rule.family == "DS" and rule.code != UNUSED_IGNORE and asks(rule.code)]
    if recipe is None or path is None or not rules:
        return
    context = Context(path, recipe)
    peers = Peers.of(context, cache(lambda file: _read(file, context)))
    said = set()
    for place, name in source.data_paths:
        file = _listed(path.parent, name, peers)
        known = peers.read(file) if file else None
        if file is None or known is None:
            continue
        data = replace(known, surroundings=replace(known.surroundings, recipe=recipe))
        peers.introduce(data)
        sieve = Sieve(file, recipe, path)
        for rule in rules:
            for index, problem in rule.check(data) if sieve.asks(rule.code) else ():
                if (rule.code, problem.message) in said:
                    continue
                said.add((rule.code, problem.message))
                related = Related(file, 0 if index is None else data.lines[index], "this data set")
                severity = rule.severity if problem.severity is None else problem.severity
                at = source.range_of(place)
                yield Finding(rule.code, rule.name, severity, problem.message, at, related=(related,))


def _listed(folder: Path, name: str, peers: Peers) -> Path | None:
    """The file, unless the recipe's entry cannot be understood."""
    try:
        file = real_path(folder / name)
    except ValueError:  # a NUL in it
        return None
    return file if file in (*peers.training, *peers.evaluation) else None


def _read(file: Path, context: Context) -> DataSet | None:
    try:
        small = file.is_file() and file.stat().st_size <= _LARGEST
    except (OSError, ValueError):
        return None
    return scanning.peer(file, context) if small else None
