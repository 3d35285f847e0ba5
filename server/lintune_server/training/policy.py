"""Whether a save starts a training. A pure decision: everything it needs is handed in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lintune_schemas.recipe import Recipe


class Reason(StrEnum):
    """Why a save does not train."""

    OFF = "off"
    BLOCKED = "blocked"
    UNREADABLE = "unreadable"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Train:
    """Start a run; `fingerprint` says of what."""

    fingerprint: str


@dataclass(frozen=True, slots=True)
class Skip:
    """Start none; `message` says why, in one sentence."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Fault:
    """An error-level finding that stands in a file of the recipe: where (0-based line) and what."""

    path: Path
    line: int
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.path.name}:{self.line + 1} {self.code} {self.message}"


def decide(
    recipe: Recipe | None,
    faults: Sequence[Fault],
    problem: str | None,
    fingerprint: str | None,
    trained: str | None,
) -> Train | Skip:
    """What a save of a recipe, or of one of its data sets, leads to.

    recipe: None when it cannot be read. faults: the errors that stand, of the recipe and of its data sets.
    problem: why recipe or data sets cannot be read for training; then there is no fingerprint.
    fingerprint, trained: of what is there now, and of the last run that finished (`runs.fingerprint`).
    """
    if recipe is not None and not recipe.lintune.train_on_save:
        return Skip(Reason.OFF, "Not trained: the recipe does not say lintune.train_on_save: true.")
    if faults:
        more = f" ({len(faults) - 1} more)" if len(faults) > 1 else ""
        first = str(faults[0]).removesuffix(".")
        return Skip(Reason.BLOCKED, f"Not trained: {first}{more}. Correct it and save.")
    if recipe is None or fingerprint is None:
        return Skip(Reason.UNREADABLE, f"Not trained: {problem or 'the recipe cannot be read.'}")
    if fingerprint == trained:
        return Skip(Reason.UNCHANGED, "Not trained: nothing changed since the last training.")
    return Train(fingerprint)
