"""Going on from the last run's adapter when only samples were added or changed: the new ones, mixed with old ones."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from lintune_schemas import events, runs
from lintune_schemas import recipe as recipes
from lintune_schemas.errors import LintuneError
from lintune_schemas.events import RunFinished
from lintune_trainer import data, export, resuming

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lintune_schemas.recipe import Recipe
    from lintune_trainer.data import Sample

_LARGEST_CHANGE = 0.5
"""The share of the samples that may be new. Beyond it most of the work is to be done anyway, and a fresh start does not
carry on what the last run learned wrongly."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where a run begins: from another run's adapter with some of the samples, or from nothing with all of them."""

    samples: list[Sample]
    adapter: Path | None = None
    described: events.WarmStart | None = None
    why_not: str | None = None
    """Of a recipe that asks for a warm start and gets none."""

    @property
    def remarks(self) -> Iterator[str]:
        """What there is to say of it, in sentences."""
        if self.described:
            run, new, old = self.described.run, self.described.new, self.described.replayed
            yield f"Warm start: from the adapter of {run}, with {new:,} new samples and {old:,} old ones."
        if self.why_not:
            yield f"No warm start, but all of the training: {self.why_not}."


def choose(recipe: Recipe, recipe_path: Path, samples: list[Sample], began: events.RunStarted | None) -> Start:
    """What to train on, and what to go on from. samples: all that the recipe has now.

    began: of a run that goes on, whose choice is made.
    """
    if not recipe.lintune.warm_start or (began and began.warm_start is None):
        return Start(samples)
    if began and began.warm_start:
        last: Path | None = runs.runs_folder(recipe_path.parent) / began.warm_start.run
    else:
        last = _last_finished(recipe_path)
    if last is None:
        return Start(samples, why_not="there is no finished run to go on from")
    if recipe.val_set_size and not recipe.test_datasets:
        return Start(samples, why_not="with val_set_size, samples that were trained on would be evaluated with")
    try:
        before = recipes.load(last / runs.RECIPE_LOCK)
        seen = _digests(before, recipe_path.parent, last)
    except LintuneError as error:
        return Start(samples, why_not=f"the data of {last.name} cannot be read any more ({error})")
    if _beside_data(before) != _beside_data(recipe):
        return Start(samples, why_not=f"the recipe is another one than that of {last.name}")
    new = [sample for sample in samples if sample.digest not in seen]
    if not new:
        return Start(samples, why_not=f"no sample is new since {last.name}")
    if len(new) > _LARGEST_CHANGE * len(samples):
        return Start(samples, why_not=f"most samples are new since {last.name}")
    old = [sample for sample in samples if sample.digest in seen]
    share = recipe.lintune.replay
    chosen = _some(old, round(len(new) * share / (1 - share)), recipe.seed)
    mixed = {id(sample) for sample in (*new, *chosen)}
    return Start(
        [sample for sample in samples if id(sample) in mixed],
        export.adapter_folder(last),
        events.WarmStart(last.name, len(new), len(chosen)),
    )


def _some(samples: list[Sample], count: int, seed: int) -> list[Sample]:
    return random.Random(seed).sample(samples, min(count, len(samples)))  # noqa: S311 (not for secrets)


def _last_finished(recipe_path: Path) -> Path | None:
    for run in resuming.directories(recipe_path):
        ended = runs.read_events(run)[-1:]
        if ended and isinstance(ended[0], RunFinished):
            return run if export.adapter_folder(run).is_dir() else None
    return None


def _digests(recipe: Recipe, recipe_folder: Path, run: Path) -> set[bytes]:
    lock = runs.read_dataset_lock(run)
    if lock is None:
        raise LintuneError(f"{runs.DATASET_LOCK} is broken")
    files = data.read_again(recipe, recipe_folder, lock).train
    return {sample.digest for file in files for sample in file.samples}


def _beside_data(recipe: Recipe) -> str:
    """All that decides what is learned, but for the samples."""
    return recipes.fingerprint(msgspec.structs.replace(recipe, test_datasets=[]))
