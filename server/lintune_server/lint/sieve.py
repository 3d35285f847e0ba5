"""What counts of all that is found in one file: the rules that are selected, less what somebody said no to.

A sample's own `_lintune_ignore` is not seen to here: it is part of the sample, as the line checks are.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintune_schemas.errors import LintuneError
from lintune_schemas.recipe import real_path
from lintune_server.lint import baseline, globs
from lintune_server.lint.findings import Severity
from lintune_server.lint.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path as FilePath

    from lintune_schemas.recipe import Recipe
    from lintune_schemas.samples import Path
    from lintune_server.lint.findings import Finding

UNUSED_RECIPE_IGNORE = "RC623"
_GATES = ("JL", "SF")


@dataclass(frozen=True, slots=True)
class Ignore:
    """A code, or a beginning of codes, that a recipe wants ignored, and where in the recipe it says so."""

    path: Path
    code: str


class Sieve:
    """Lets through what counts of one file's findings, and remembers what held back the others."""

    def __init__(
        self,
        file: FilePath,
        recipe: Recipe | None,
        recipe_path: FilePath | None,
        selection: Selection | None = None,
        *,
        known: baseline.Known | None = None,
        watches: bool = False,
    ) -> None:
        """selection: on top of what the recipe says. known: findings to be quiet about.

        watches: whether rules that the recipe ignores are asked all the same, so that `used` is complete.
        """
        self._selection = selection or Selection()
        select = recipe.lintune.lint.select if recipe else None
        self._of_recipe = Selection(None if select is None else tuple(select))
        self._ignores = [
            ignore for glob, ignore in ignores_of(recipe) if glob is None or matches(glob, file, recipe_path)
        ]
        self._held_by: dict[str, list[Ignore]] = {}
        """By a rule's code: there are few of them, and thousands of ignores and findings."""
        self._known = known
        self._watches = watches
        self.used: set[Ignore] = set()
        """What the recipe ignores and was found."""
        self.blocked = False
        """Whether an error of a line's format kept other rules from looking at it."""
        self.quiet = 0
        """How many findings are in the baseline."""
        self.stale: list[tuple[str, str]] = []
        """Code and identity of what the baseline has and was not found any more."""

    @classmethod
    def of(
        cls, file: FilePath, recipe: Recipe | None, recipe_path: FilePath | None, selection: Selection | None = None
    ) -> Sieve:
        """With the file's baseline, if there is one that can be read.

        The command line says so when it cannot; in an editor it must not hide what it does not name.
        """
        try:
            known = baseline.known_of(file)
        except LintuneError:
            known = None
        return cls(file, recipe, recipe_path, selection, known=known)

    def asks(self, code: str) -> bool:
        """Whether a rule has to be asked about the file."""
        if self._watches and self._holding(code):
            return True
        return self._counts(code)

    def sift(self, findings: Iterable[Finding], text_of: Callable[[int], str]) -> list[Finding]:
        """Those that count, in the order of the file. text_of: the text of a line, by its number."""
        found = sorted(findings, key=lambda finding: finding.range)
        self.used |= self.holding(found)
        self.blocked = any(finding.severity is Severity.ERROR and finding.code[:2] in _GATES for finding in found)
        kept = [finding for finding in found if self._counts(finding.code)]
        if self._known is None:
            return kept
        new, left = baseline.sift(kept, self._known, text_of)
        self.quiet = len(kept) - len(new)
        self.stale = [(code, sample) for code, sample in left if self._selection.has(code)]
        return new

    def holding(self, findings: Iterable[Finding]) -> set[Ignore]:
        """What of the recipe's ignores holds back any of the findings."""
        codes = {finding.code for finding in findings}
        return {ignore for code in codes for ignore in self._holding(code)}

    def _counts(self, code: str) -> bool:
        return self._selection.has(code) and self._of_recipe.has(code) and not self._holding(code)

    def _holding(self, code: str) -> list[Ignore]:
        if code not in self._held_by:
            self._held_by[code] = [ignore for ignore in self._ignores if code.startswith(ignore.code)]
        return self._held_by[code]


def ignores_of(recipe: Recipe | None) -> Iterator[tuple[str | None, Ignore]]:
    """Everything that a recipe ignores, each with the files' glob, which is None for all of them."""
    if recipe is None:
        return
    lint, at = recipe.lintune.lint, ("lintune", "lint")
    for index, code in enumerate(lint.ignore or ()):
        if code:
            yield None, Ignore((*at, "ignore", index), code)
    for glob, codes in (lint.per_file_ignores or {}).items():
        for index, code in enumerate(codes):
            if code:
                yield glob, Ignore((*at, "per-file-ignores", glob, index), code)


def matches(glob: str, file: FilePath, recipe_path: FilePath | None) -> bool:
    """Whether a file is meant by a glob of a recipe: relative to its folder or, without a slash, a name anywhere.

    `*` and `?` stay within a folder's name, `**` goes through folders.
    """
    if "/" not in glob:
        return globs.fits(glob, file.name)
    if recipe_path is None:
        return False
    try:
        relative = os.path.relpath(real_path(file), real_path(recipe_path).parent)
    except ValueError:  # on Windows, another drive
        return False
    return globs.fits(glob.removeprefix("./"), relative.replace(os.sep, "/"))
