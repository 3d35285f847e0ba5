"""All models that can be asked with the prompts of a recipe: the base, what each run came to, each checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lintune_schemas import recipe as recipes
from lintune_schemas import runs
from lintune_schemas.errors import LintuneError
from lintune_schemas.events import RunFinished
from lintune_server.language_server.lineup import Voice
from lintune_server.language_server.preview import Model, ModelFile
from lintune_server.training import run_models
from lintune_server.training.run_log import RunLog

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lintune_schemas.recipe import Recipe
    from lintune_server.language_server.lineup import Lineups

BASE = "base"
"""The id of the base model. A run's is `run:` and its name; a checkpoint's has the step behind it."""


@dataclass(frozen=True, slots=True)
class Roster:
    """voices: the newest run first, its newest checkpoint first; the base model is the last. Not empty.

    usual: the ids of those that a hover would ask.
    """

    recipe_path: Path
    recipe: Recipe
    voices: tuple[Voice, ...]
    usual: tuple[str, ...]

    def pick(self, ids: Sequence[str]) -> list[Voice]:
        """Those that are meant; without ids, the usual ones. Raises LintuneError for one that is not there."""
        known = {voice.model.id: voice for voice in self.voices}
        if gone := [id_ for id_ in ids if id_ not in known]:
            raise LintuneError(f"The model {gone[0]} is not there any more. Choose another one.")
        picked = [known[id_] for id_ in dict.fromkeys(ids or self.usual)]
        files = tuple(dict.fromkeys(voice.model.file for voice in picked))
        return [replace(voice, model=replace(voice.model, beside=files)) for voice in picked]


def of_recipe(path: Path, lineups: Lineups) -> Roster:
    """Of the base model and all runs that learned the prompts that the recipe makes. Raises LintuneError."""
    recipe = recipes.load(path)
    base = _base(recipe, path.parent)
    voices: list[Voice] = []
    for log in lineups.runs_of(path, recipe):
        voices += _of_run(log, base)
    tuned = next((voice.model.id for voice in voices), None)
    return _roster(path, recipe, voices, base, tuned)


def of_run(folder: Path, *, base_alone: bool = False) -> Roster:
    """Of one run and its base model, with the recipe as the run had it. Raises LintuneError.

    base_alone: whether the base model does, while the run has none of its own.
    """
    log = RunLog(folder)
    log.look()
    if log.started is None:
        raise LintuneError(f"{folder} is no run, or its events cannot be read.")
    recipe = recipes.load(folder / runs.RECIPE_LOCK)
    path = recipes.real_path(folder.parents[2] / log.started.recipe)
    base = _base(recipe, path.parent)
    voices = list(_of_run(log, base))
    if not voices and not base_alone:
        raise LintuneError(f"The run {log.name} left no model to ask. Train once more.")
    return _roster(path, recipe, voices, base, next((voice.model.id for voice in voices), None))


def _roster(path: Path, recipe: Recipe, voices: list[Voice], base: ModelFile | None, tuned: str | None) -> Roster:
    if base:
        voices = [*voices, Voice("Base model", recipe.base_model, Model(base, id=BASE))]
    if not voices:
        raise LintuneError(
            f"There is no model to ask yet: {recipe.base_model} is not on this machine as a GGUF file. "
            "Train the recipe first."
        )
    context = recipe.sequence_len + recipe.lintune.preview.max_tokens
    placed = tuple(replace(voice, model=replace(voice.model, context=context)) for voice in voices)
    usual = [tuned] if tuned else []
    return Roster(path, recipe, placed, (*usual, BASE) if base else tuple(usual))


def _of_run(log: RunLog, base: ModelFile | None) -> Iterator[Voice]:
    """What the run came to, if it finished, and its checkpoints."""
    finished = log.last if isinstance(log.last, RunFinished) else None
    adapter = run_models.adapter_of(log.folder) if finished else None
    model = log.folder / finished.model if finished and finished.model else None
    detail, id_ = f"run {log.name}", f"run:{log.name}"
    if base and adapter:
        yield Voice("Tuned model", detail, Model(base, ModelFile.of(adapter), id_), log.name)
    elif model and model.is_file():
        yield Voice("Tuned model", detail, Model(ModelFile.of(model), id=id_), log.name)
    for step, path in runs.checkpoint_adapters(log.folder).items() if base else ():
        assert base is not None
        yield Voice(f"Step {step}", detail, Model(base, ModelFile.of(path), f"{id_}:{step}"), log.name)


def _base(recipe: Recipe, recipe_folder: Path) -> ModelFile | None:
    path = run_models.base_of(recipe, recipe_folder)
    return ModelFile.of(path) if path else None
