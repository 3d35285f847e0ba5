"""What `lintune doctor` finds out: the machine, the packages, the models that fit, and a recipe on that machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintune_schemas import base_model
from lintune_schemas.errors import LintuneError
from lintune_server.hardware import disk, fitting
from lintune_server.hardware.estimate import Estimate, estimate
from lintune_server.hardware.speed import seconds

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_schemas.model_facts import ModelFacts
    from lintune_schemas.recipe import Recipe
    from lintune_schemas.starter_models import Starter
    from lintune_server.hardware.disk import Written
    from lintune_server.hardware.fitting import Changes
    from lintune_server.hardware.machine import Machine
    from lintune_server.hardware.speed import Seconds
    from lintune_server.lint.findings import Finding
    from lintune_server.lint.recipe_data import RecipeData
    from lintune_server.lint.recipe_source import RecipeSource

THOUSAND_SAMPLES = 200_000
"""Tokens of a thousand samples of 200, a usual length of a question with its answer."""


@dataclass(frozen=True, slots=True)
class Fitting:
    """A starter model that can be trained on a machine."""

    starter: Starter
    peak: int
    """Bytes that QLoRA with samples of 1,024 tokens takes."""
    seconds: Seconds | None
    """That training on `THOUSAND_SAMPLES` takes."""


def fitting_starters(machine: Machine) -> list[Fitting]:
    """The instruction-tuned starter models that can be trained on a machine, the smallest first."""
    from lintune_schemas.starter_models import STARTERS

    found = []
    for starter in STARTERS:
        needed = fitting.needed(starter.facts, machine)
        if starter.instruct and needed is not None and machine.room is not None and needed.peak <= machine.room:
            time = seconds(fitting.USUAL, starter.facts, machine, THOUSAND_SAMPLES, 0, THOUSAND_SAMPLES // 2)
            found.append(Fitting(starter, needed.peak, time))
    return sorted(found, key=lambda one: one.starter.parameters)


@dataclass(frozen=True, slots=True)
class RecipeReport:
    path: Path
    recipe: Recipe
    facts: ModelFacts | None
    model_trouble: str
    """Why nothing is known of the model, in a sentence; empty when it is."""
    data: RecipeData | None
    estimate: Estimate
    written: Written | None
    fits: bool | None
    """In memory; None where that is not known."""
    changes: Changes | None
    """With which it would fit, when it does not."""
    findings: tuple[Finding, ...]
    """Of the rules of hardware."""


def of_recipe(source: RecipeSource, recipe: Recipe, path: Path, findings: tuple[Finding, ...]) -> RecipeReport:
    """What there is to say of a recipe on its source's machine. recipe: the source's, as far as it is understood."""
    facts, data, machine = source.model, source.data, source.machine
    counts = fitting.judged(recipe)
    found = estimate(recipe, facts if counts else None, data, machine)
    fits = None
    if counts and found.memory and machine.room is not None:
        fits = found.memory.peak <= machine.room
    changes = fitting.nearest(recipe, facts, machine, data) if fits is False and facts else None
    written = disk.written(recipe, facts) if counts and facts else None
    trouble = "" if facts else _why_unknown(recipe, path)
    return RecipeReport(path, recipe, facts, trouble, data, found, written, fits, changes, findings)


def _why_unknown(recipe: Recipe, path: Path) -> str:
    try:
        found = base_model.find(recipe.base_model, path.parent)
    except LintuneError as error:
        return str(error)
    if found.path is None:
        return f"{found.name} is not on this machine yet, so its size is not known. lintune train downloads it."
    return f"The files in {found.path} do not say how large the model is."
