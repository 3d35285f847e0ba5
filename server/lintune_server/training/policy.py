"""Whether a save starts a training. A pure decision: everything it needs is handed in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path  # noqa: TC003 (msgspec reads the fields' types)
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from lintune_schemas.recipe import Recipe

DOES_NOT_FIT = "HW701"
"""The rule whose findings no training is begun with, whoever asks for it: minutes later it would be out of memory."""


class Reason(StrEnum):
    """Why a save does not train."""

    OFF = "off"
    BLOCKED = "blocked"
    UNREADABLE = "unreadable"
    UNCHANGED = "unchanged"
    """Since the last training, or since the one that is going on began."""
    FINISHING = "finishing"
    """The one that is going on ends, and nothing comes after it, as the recipe wants it."""


@dataclass(frozen=True, slots=True)
class Train:
    """Start a run; `fingerprint` says of what."""

    fingerprint: str


@dataclass(frozen=True, slots=True)
class Queue:
    """Look at the recipe again when the run that is going on has ended."""

    message: str


@dataclass(frozen=True, slots=True)
class Supersede:
    """Stop the run that is going on, and start another one."""

    message: str


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


@dataclass(frozen=True, slots=True)
class Ongoing:
    """The run of the recipe that a save comes into.

    fingerprint: None while it is not known. ours: whether it is for us to stop it.
    """

    fingerprint: str | None
    ours: bool = True
    paused: bool = False


def decide(
    recipe: Recipe | None,
    faults: Sequence[Fault],
    problem: str | None,
    fingerprint: str | None,
    trained: Container[str | None],
    ongoing: Ongoing | None = None,
) -> Train | Queue | Supersede | Skip:
    """What a save of a recipe, or of one of its data sets, leads to.

    recipe: None when it cannot be read. faults: the errors that stand, of the recipe and of its data sets.
    problem: why recipe or data sets cannot be read for training; then there is no fingerprint.
    fingerprint: of what is there now (`runs.fingerprint`). trained: of what need not be trained again.
    ongoing: the recipe's run that is going on, or rests.
    """
    if recipe is not None and not recipe.lintune.train_on_save:
        return Skip(Reason.OFF, "Not trained: the recipe does not say lintune.train_on_save: true.")
    if faults:
        return Skip(Reason.BLOCKED, refusal(faults))
    if recipe is None or fingerprint is None:
        return Skip(Reason.UNREADABLE, f"Not trained: {problem or 'the recipe cannot be read.'}")
    if ongoing is not None:
        return _during(ongoing, recipe, fingerprint)
    if fingerprint in trained:
        return Skip(Reason.UNCHANGED, "Not trained: nothing changed since the last training.")
    return Train(fingerprint)


def refusal(faults: Sequence[Fault]) -> str:
    """Why nothing is trained, in words that name the first error."""
    more = f" ({len(faults) - 1} more)" if len(faults) > 1 else ""
    first = str(faults[0]).removesuffix(".")
    advice = "Correct it and save."
    if faults[0].code == DOES_NOT_FIT:
        advice = f"To train all the same, write lintune.lint.ignore: [{DOES_NOT_FIT}] in the recipe."
    return f"Not trained: {first}{more}. {advice}"


def _during(ongoing: Ongoing, recipe: Recipe, fingerprint: str) -> Queue | Supersede | Skip:
    """While a run of the same recipe goes on, or rests."""
    on_change = recipe.lintune.on_change
    if fingerprint == ongoing.fingerprint:
        what = "the training that is paused. Resume it" if ongoing.paused else "the training that is going on"
        return Skip(Reason.UNCHANGED, f"Nothing changed since the beginning of {what}.")
    when = "while a training is paused" if ongoing.paused else "during a training"
    if on_change == "supersede" and ongoing.ours and ongoing.fingerprint is not None:
        return Supersede(f"Saved {when}: a new one begins in its place.")
    if on_change == "finish":
        return Skip(Reason.FINISHING, f"Saved {when}, which goes on without it: the next save after its end trains.")
    end = "looked at again when it has ended"
    return Queue(f"Saved {when}: {end}. Resume it, or give it up." if ongoing.paused else f"Saved {when}: {end}.")
