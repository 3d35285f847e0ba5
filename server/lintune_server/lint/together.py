"""Checking several files in one run: data sets first, then recipes, which then know what of their ignores is used."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from lintune_schemas.recipe import real_path
from lintune_server.lint.checking import is_data_set
from lintune_server.lint.sieve import UNUSED_RECIPE_IGNORE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Set
    from pathlib import Path

    from lintune_server.lint.checking import Checked
    from lintune_server.lint.selection import Selection
    from lintune_server.lint.sieve import Ignore


class CheckOne(Protocol):
    def __call__(self, path: Path, *, watches: bool = False, used: Set[Ignore] | None = None) -> Checked | None:
        """Check one file, as `checking.check` does; None when it cannot be checked."""


@dataclass(slots=True)
class _OfRecipe:
    """What is known of the data sets that were judged by one recipe."""

    listed: set[Path]
    checked: set[Path] = field(default_factory=set)
    used: set[Ignore] = field(default_factory=set)
    sound: bool = True
    """Whether every rule could look at every sample: the tokenizer was there, and no error of format in the way."""


def check(files: Iterable[Path], selection: Selection, check_one: CheckOne) -> Iterator[Checked]:
    """Check each file; those that cannot be are left out."""
    ordered = sorted(files, key=lambda path: not is_data_set(path))
    watches = selection.has(UNUSED_RECIPE_IGNORE) and any(not is_data_set(path) for path in ordered)
    seen: dict[Path, _OfRecipe] = {}
    for path in ordered:
        if is_data_set(path):
            checked = check_one(path, watches=watches)
            if checked:
                _note(checked, seen)
        else:
            checked = check_one(path, used=_used(path, seen))
        if checked:
            yield checked


def _note(checked: Checked, seen: dict[Path, _OfRecipe]) -> None:
    context = checked.scan.context if checked.scan else None
    if context is None or context.recipe is None or context.recipe_path is None:
        return
    recipe = real_path(context.recipe_path)
    if recipe not in seen:
        seen[recipe] = _OfRecipe({real_path(path) for path in context.recipe.dataset_paths(recipe.parent)})
    known = seen[recipe]
    known.checked.add(real_path(checked.path))
    known.used |= checked.sieve.used
    known.sound &= context.tokenizer is not None and not checked.sieve.blocked


def _used(recipe: Path, seen: dict[Path, _OfRecipe]) -> Set[Ignore] | None:
    known = seen.get(real_path(recipe))
    return known.used if known and known.sound and known.listed <= known.checked else None
