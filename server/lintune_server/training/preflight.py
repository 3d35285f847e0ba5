"""What is on disk before a training: the recipe, the errors in it and in its data, and a fingerprint.

It takes as long as linting does. At large data sets the analyst looks, so that the server answers meanwhile.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 (msgspec reads the fields' types)
from typing import TYPE_CHECKING

import yaml

from lintune_schemas import datasets, runs
from lintune_schemas import recipe as recipes
from lintune_schemas.errors import LintuneError
from lintune_schemas.recipe import Recipe  # noqa: TC001
from lintune_server.lint import checking
from lintune_server.lint.findings import Finding, Severity
from lintune_server.lint.selection import Selection
from lintune_server.training.policy import DOES_NOT_FIT, Fault, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LARGE = 1 << 19
"""Bytes of data from which on another process looks: here it would hold up other answers for a tenth of a second or
more (as `analysis._LARGE`)."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """What `policy.decide` needs to know of the files."""

    recipe: Recipe | None
    faults: tuple[Fault, ...]
    problem: str | None
    """Why there is no recipe or no fingerprint, in a sentence."""
    fingerprint: str | None


def inspect(path: Path, *, by_hand: bool = False) -> Preflight:
    """Read and lint a recipe and its data sets as they are on disk.

    A recipe that does not train on save is not looked at further, unless a person asks for a training by hand: then
    all errors that matter are those that keep any training from being begun; the trainer refuses what it cannot read.
    """
    try:
        recipe = recipes.load(path)
    except LintuneError as error:
        return Preflight(None, () if by_hand else tuple(_recipe_faults(path)), str(error), None)
    if by_hand:
        faults = obstacles(path)
        return Preflight(recipe, faults, *_fingerprint(recipe, path))
    if not recipe.lintune.train_on_save:
        return Preflight(recipe, (), None, None)
    found = [*_recipe_faults(path)]
    try:
        for dataset in dict.fromkeys(recipe.dataset_paths(path.parent)):
            found += _dataset_faults(dataset, path)
    except LintuneError as error:
        return Preflight(recipe, tuple(found), str(error), None)
    return Preflight(recipe, tuple(found), *_fingerprint(recipe, path))


def obstacles(path: Path, assignments: Sequence[str] = ()) -> tuple[Fault, ...]:
    """What makes it pointless to begin a training, whoever asks for it.

    assignments: `key=value` of `--set`. Empty, too, for what is no recipe: the trainer says what is wrong with it.
    """
    from lintune_server.lint.recipe import check_recipe  # not before there is a recipe: it takes a while

    try:
        text = checking.read(path)
        if assignments:
            values = recipes.parse(path)
            for assignment in assignments:
                recipes.set_value(values, assignment)
            text = yaml.safe_dump(values, sort_keys=False)
    except LintuneError:
        return ()
    return tuple(_errors(path, check_recipe(text, path, Selection(select=(DOES_NOT_FIT,)))))


def require_room(path: Path, assignments: Sequence[str]) -> None:
    """Raise LintuneError when the training that a person asks for cannot be carried out here."""
    if faults := obstacles(path, assignments):
        raise LintuneError(refusal(faults))


def is_large(paths: Sequence[Path]) -> bool:
    """Whether looking at a recipe and its data sets takes a while."""
    return sum(size for size, *_ in state_of(paths)) > _LARGE


def state_of(paths: Sequence[Path]) -> list[tuple[int, ...]]:
    """What is another when one of the files is another; first the size of each. Of what is no file, nothing."""
    found: list[tuple[int, ...]] = []
    for path in paths:
        with contextlib.suppress(OSError):
            status = path.stat()
            found.append((status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino))
    return found


def _fingerprint(recipe: Recipe, path: Path) -> tuple[str | None, str | None]:
    """Why there is none, and what a run of this recipe would get now."""
    try:
        train, test = (
            [datasets.read(path.parent / entry.path, entry) for entry in entries]
            for entries in (recipe.datasets, recipe.test_datasets)
        )
    except LintuneError as error:
        return str(error), None
    return None, runs.fingerprint(recipe, train, test)


def _recipe_faults(path: Path) -> Iterator[Fault]:
    from lintune_server.lint.recipe import check_recipe

    try:
        text = checking.read(path)
    except LintuneError:  # loading it has said the same
        return iter(())
    return _errors(path, check_recipe(text, path))


def _dataset_faults(path: Path, recipe: Path) -> Iterator[Fault]:
    if not path.is_file():
        return iter(())  # reading it for the fingerprint says what is wrong
    return _errors(path, checking.check(path, recipe, Selection()).findings)


def _errors(path: Path, findings: Sequence[Finding]) -> Iterator[Fault]:
    for finding in findings:
        if finding.severity is Severity.ERROR:
            yield Fault(path, finding.range.start.line, finding.code, finding.message)
