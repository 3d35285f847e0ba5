"""Engines: who carries out the training stage of a run. Before it and after it everything is the same.

`choose` is asked before anything is started. What an engine is given, `job.Job` says; what it leaves is the adapter, as
PEFT saves it, in the run's `adapter/` folder.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

from lintune_schemas import recipe as recipes
from lintune_schemas.errors import LintuneError
from lintune_trainer import process

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_schemas.events import Evaluation
    from lintune_schemas.recipe import Recipe
    from lintune_trainer.job import Job


class Engine(Protocol):
    """One way to train."""

    @property
    def backend(self) -> str:
        """Its name, as `lintune.backend` has it."""

    @property
    def processes(self) -> int:
        """How many train together, each on its own micro-batches: the plan counts with it."""

    def require_ready(self) -> None:
        """Raise LintuneError, with what to do, when it is not installed or cannot train what the recipe asks for."""

    def fine_tune(self, job: Job) -> list[Evaluation]:
        """Train, and give the evaluations made on the way.

        Raises LintuneError, OSError, Cancelled, Paused.
        """


def choose(recipe: Recipe, recipe_path: Path) -> Engine:
    """The engine that the recipe asks for. Raises LintuneError when it cannot do what is asked. Imports no torch."""
    engine = _named(recipe, recipe_path)
    engine.require_ready()
    return engine


def installed(package: str) -> bool:
    """Whether a package can be imported; a mere folder of that name beside the recipe is none."""
    spec = find_spec(package)
    return spec is not None and spec.origin is not None


def _named(recipe: Recipe, recipe_path: Path) -> Engine:
    processes = _processes(recipe)
    spread = _spread_by(recipe_path) if processes > 1 else None
    match recipe.lintune.backend:
        case "axolotl":
            from lintune_trainer.engines.axolotl import Axolotl

            return Axolotl(processes, recipe_path)
        case "builtin" if spread is not None:
            from lintune_trainer.engines.axolotl import Axolotl

            return Axolotl(processes, recipe_path, spread)
        case "unsloth":
            from lintune_trainer.engines.unsloth import Unsloth

            return Unsloth(recipe)
    if processes > 1:
        from lintune_trainer.engines.launched import Launched

        return Launched(processes, recipe)
    from lintune_trainer.engines.builtin import BuiltIn

    return BuiltIn()


def _spread_by(recipe_path: Path) -> str | None:
    """The key by which a recipe wants its model spread over several devices: that is Axolotl's work."""
    keys = recipes.parse(recipe_path) if recipe_path.is_file() else {}
    return next((key for key in ("fsdp_config", "fsdp", "deepspeed") if keys.get(key)), None)


def _processes(recipe: Recipe) -> int:
    asked, gpus = recipe.lintune.processes, process.count_gpus()
    if asked is None:
        return max(gpus, 1)
    if asked < 1:
        raise LintuneError(f"lintune.processes: {asked} must be 1 or more. Leave it out for one process a GPU.")
    if 0 < gpus < asked:
        raise LintuneError(
            f"lintune.processes: {asked} needs as many GPUs, and there are {gpus}. Leave it out to use all."
        )
    return asked
