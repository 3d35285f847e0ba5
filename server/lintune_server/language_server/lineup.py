"""Which models are asked about the samples of a recipe: the one tuned last, the one that is being tuned, the base.

A lookup reads no file that has not changed since the last one but the recipe's: a hover makes one each time.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintune_schemas import recipe as recipes
from lintune_schemas import run_evaluation, runs
from lintune_schemas.errors import LintuneError
from lintune_schemas.events import LAST_EVENTS, RunFinished, RunPaused
from lintune_server.language_server.preview import Model, ModelFile
from lintune_server.training import run_models, trainers
from lintune_server.training.run_log import RunLog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lintune_schemas.recipe import Recipe
    from lintune_schemas.run_evaluation import SampleResult
    from lintune_server.lint.context import Context


@dataclass(frozen=True, slots=True)
class Voice:
    """A model that is asked, and what it is called."""

    title: str
    detail: str
    model: Model
    run: str | None = None


@dataclass(frozen=True, slots=True)
class Lineup:
    """tuned: of the last run that finished. so_far: of the one that goes on or rests, as of its newest checkpoint."""

    tuned: Voice | None = None
    so_far: Voice | None = None
    base: Voice | None = None
    problem: str | None = None
    """Why there is no tuned model to ask, where there is something to say."""
    training: bool = False
    """Whether a training goes on or rests."""

    @property
    def asked(self) -> tuple[Voice, ...]:
        """Those that a hover asks, in this order: while a training goes on, what it has come to.

        Without anything that was tuned, nor is, there is nothing to see: then no model is loaded.
        """
        tuned = self.so_far or self.tuned
        return tuple(voice for voice in (tuned, self.base) if voice) if tuned or self.training else ()


class Lineups:
    """Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._logs: dict[Path, RunLog] = {}
        self._recipes: dict[Path, Recipe] = {}
        """As runs resolved them; such a file is never changed."""
        self._evaluations: dict[Path, tuple[ModelFile, dict[str, SampleResult]]] = {}

    def of(self, context: Context) -> Lineup:
        """The models of a data set's recipe; none without one."""
        path, recipe = context.recipe_path, context.recipe
        if path is None or recipe is None:
            return Lineup()
        with self._lock:
            return self._find(path, recipe)

    def results(self, context: Context) -> dict[str, SampleResult]:
        """What the last finished run with an eval set says of its samples, by their digests."""
        if context.recipe_path is None:
            return {}
        with self._lock:
            for log in self._logs_of(context.recipe_path):
                if isinstance(log.last, RunFinished) and (found := self._results_of(log.folder)):
                    return found
        return {}

    def runs_of(self, path: Path, recipe: Recipe) -> list[RunLog]:
        """The runs of a recipe that learned the prompts it makes, newest first."""
        with self._lock:
            return [log for log in self._logs_of(path) if self._learns(log, recipe)]

    def _find(self, path: Path, recipe: Recipe) -> Lineup:
        base = _base_file(recipe, path.parent)
        voice = Voice("Base model", "", Model(base, id="base")) if base else None
        tuned = so_far = problem = finished = None
        training = False
        for log in self._logs_of(path):
            if isinstance(log.last, RunFinished):
                finished = log
                try:
                    tuned = self._tuned(log, log.last, recipe, base)
                except LintuneError as error:
                    problem = str(error)
                break
            if not training and _goes_on(log, path.parent) and self._learns(log, recipe):
                training = True
                so_far = _so_far(log, base) if base else None
        beside = tuple(dict.fromkeys(one.model.file for one in (so_far, tuned, voice) if one))
        context = self._context(finished, recipe)
        tuned, so_far, voice = (_placed(one, beside, context) for one in (tuned, so_far, voice))
        return Lineup(tuned, so_far, voice, None if so_far else problem, training)

    def _logs_of(self, recipe: Path) -> Iterator[RunLog]:
        """The runs of a recipe, newest first."""
        for folder in runs.run_directories(recipe.parent):
            log = self._logs.setdefault(folder, RunLog(folder))
            log.look()
            if log.started and recipes.real_path(recipe.parent / log.started.recipe) == recipes.real_path(recipe):
                yield log

    def _tuned(self, log: RunLog, finished: RunFinished, recipe: Recipe, base: ModelFile | None) -> Voice | None:
        """Raises LintuneError when the recipe has moved on so far that its prompts are not those the model learned."""
        learned = self._locked(log)
        if learned and not self._learns(log, recipe):
            raise LintuneError(
                f"The tuned model of run {log.name} was made from {learned.base_model}, "
                "perhaps with another chat template. Train again to ask it."
            )
        detail, id_ = f"run {log.name}", f"run:{log.name}"
        adapter = run_models.adapter_of(log.folder)
        if base and adapter:
            return Voice("Tuned model", detail, Model(base, ModelFile.of(adapter), id_), log.name)
        model = log.folder / finished.model if finished.model else None
        if model is None or not model.is_file():
            return None
        return Voice("Tuned model", detail, Model(ModelFile.of(model), id=id_), log.name)

    def _learns(self, log: RunLog, recipe: Recipe) -> bool:
        """Whether the run learned the prompts that the recipe makes."""
        learned = self._locked(log)
        return learned is None or _prompts(learned) == _prompts(recipe)

    def _locked(self, log: RunLog) -> Recipe | None:
        if log.folder not in self._recipes:
            try:
                self._recipes[log.folder] = recipes.load(log.folder / runs.RECIPE_LOCK)
            except LintuneError:
                return None
        return self._recipes[log.folder]

    def _context(self, log: RunLog | None, recipe: Recipe) -> int:
        """Room for the longest sample that could be learned, and for an answer."""
        learned = self._locked(log) if log else None
        longest = max(one.sequence_len for one in (recipe, learned) if one)
        return longest + recipe.lintune.preview.max_tokens

    def _results_of(self, run: Path) -> dict[str, SampleResult]:
        try:
            file = ModelFile.of(run / run_evaluation.FILE)
        except LintuneError:
            return {}
        known = self._evaluations.get(run)
        if known is None or known[0] != file:
            read = run_evaluation.read(run)
            known = self._evaluations[run] = file, {each.digest: each for each in read.each} if read else {}
        return known[1]


def _placed(voice: Voice | None, beside: tuple[ModelFile, ...], context: int) -> Voice | None:
    """With the model knowing of the others that are asked with it."""
    if voice is None:
        return None
    model = Model(voice.model.file, voice.model.adapter, voice.model.id, beside, context)
    return Voice(voice.title, voice.detail, model, voice.run)


def _so_far(log: RunLog, base: ModelFile) -> Voice | None:
    saved = log.adapter
    if saved is None:
        return None
    try:
        adapter = ModelFile.of(log.folder / saved.path)
    except LintuneError:  # deleted for a newer one, of which the record is about to say
        return None
    model = Model(base, adapter, f"checkpoint:{saved.step}")
    return Voice("Tuned so far", f"step {saved.step}, run {log.name}", model, log.name)


def _goes_on(log: RunLog, recipe_folder: Path) -> bool:
    """Whether the run is being carried out, or rests."""
    if isinstance(log.last, LAST_EVENTS):
        return isinstance(log.last, RunPaused)
    return trainers.is_at_work(recipe_folder)


def _base_file(recipe: Recipe, recipe_folder: Path) -> ModelFile | None:
    path = run_models.base_of(recipe, recipe_folder)
    return ModelFile.of(path) if path else None


def _prompts(recipe: Recipe) -> tuple[str | None, ...]:
    """What makes a recipe's prompts."""
    return recipe.base_model, recipe.chat_template, recipe.chat_template_jinja
