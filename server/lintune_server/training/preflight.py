"""What is on disk before a training: the recipe, the errors in it and in its data, and a fingerprint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintune_schemas import datasets, runs
from lintune_schemas import recipe as recipes
from lintune_schemas.errors import LintuneError
from lintune_server.lint import checking
from lintune_server.lint.context import context_for
from lintune_server.lint.dataset import DatasetLinter
from lintune_server.lint.findings import Finding, Severity
from lintune_server.training.policy import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lintune_schemas.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Preflight:
    """What `policy.decide` needs to know of the files."""

    recipe: Recipe | None
    faults: tuple[Fault, ...]
    problem: str | None
    """Why there is no recipe or no fingerprint, in a sentence."""
    fingerprint: str | None


def inspect(path: Path) -> Preflight:
    """Read and lint a recipe and its data sets as they are on disk. Takes as long as linting them does.

    A recipe that does not train on save is not looked at further.
    """
    try:
        recipe = recipes.load(path)
    except LintuneError as error:
        return Preflight(None, tuple(_recipe_faults(path)), str(error), None)
    if not recipe.lintune.train_on_save:
        return Preflight(recipe, (), None, None)
    faults = [*_recipe_faults(path)]
    try:
        for dataset in dict.fromkeys(recipe.dataset_paths(path.parent)):
            faults += _dataset_faults(dataset, path)
        fingerprint = fingerprint_of(recipe, path.parent)
    except LintuneError as error:
        return Preflight(recipe, tuple(faults), str(error), None)
    return Preflight(recipe, tuple(faults), None, fingerprint)


def fingerprint_of(recipe: Recipe, recipe_folder: Path) -> str:
    """The fingerprint that a run of this recipe would get now. Raises LintuneError on unreadable data."""
    return runs.fingerprint(
        recipe,
        [datasets.read(recipe_folder / entry.path, entry) for entry in recipe.datasets],
        [datasets.read(recipe_folder / entry.path, entry) for entry in recipe.test_datasets],
    )


def _recipe_faults(path: Path) -> Iterator[Fault]:
    from lintune_server.lint.recipe import check_recipe  # not before there is a recipe: it takes a while

    try:
        text = checking.read(path)
    except LintuneError:  # loading it has said the same
        return iter(())
    return _errors(path, check_recipe(text, path))


def _dataset_faults(path: Path, recipe: Path) -> Iterator[Fault]:
    if not path.is_file():
        return iter(())  # reading it for the fingerprint says what is wrong
    return _errors(path, DatasetLinter(path, context_for(path, recipe)).check(checking.read(path)))


def _errors(path: Path, findings: Sequence[Finding]) -> Iterator[Fault]:
    for finding in findings:
        if finding.severity is Severity.ERROR:
            yield Fault(path, finding.range.start.line, finding.code, finding.message)
