"""Trainings of a workspace: which recipes are known, what a save of their files leads to, one run at a time.

Saves come from the watcher; the policy decides; the supervisor runs the trainer; here they are tied together,
and what happens is told to the client.
"""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from lintune_schemas import events
from lintune_schemas import recipe as recipes
from lintune_schemas.errors import LintuneError
from lintune_schemas.events import Event, Stage, StageState
from lintune_server.language_server import convert
from lintune_server.language_server.documents import Kind
from lintune_server.language_server.messages import State, Status
from lintune_server.language_server.progress import WorkDone
from lintune_server.training import narration, policy, preflight, runs
from lintune_server.training.supervisor import Outcome, Phase, TrainerProcess
from lintune_server.training.watcher import Watcher

if TYPE_CHECKING:
    from lintune_server.language_server.session import Session

log = logging.getLogger(__name__)

_SEARCH_DEPTH = 3
_SEARCH_FOLDERS = 2_000
"""How far below a workspace folder recipes are looked for, and in how many folders: a large repository must
not keep the server busy. Those deeper down are found when they, or their data sets, are opened."""
_NOT_SEARCHED = {"node_modules", "__pycache__", "build", "dist", "venv"}
_SHUTDOWN_GRACE = 1.5
"""Seconds a trainer gets at shutdown: editors kill a server that takes longer than two."""


class Training:
    """Knows the workspace's recipes and trains them, one run at a time, in the order they were asked for."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._datasets: dict[Path, frozenset[Path]] = {}
        """The data sets of each known recipe."""
        self._learning = asyncio.Lock()
        self._watcher: Watcher | None = None
        self._queue: dict[Path, bool] = {}
        """Recipes to look at, and whether a person asked for the training by hand."""
        self._worker: asyncio.Task[None] | None = None
        self._halted = False
        """The recipe that is looked at now is not to be trained after all."""
        self._process: TrainerProcess | None = None
        self._progress: WorkDone | None = None

    @property
    def running(self) -> Path | None:
        """The recipe that is being trained now."""
        return self._process.recipe if self._process else None

    @property
    def files(self) -> set[Path]:
        """The known recipes and their data sets."""
        return set(self._datasets).union(*self._datasets.values())

    def recipes_of(self, file: Path) -> set[Path]:
        """The known recipes that have a data set."""
        return {recipe for recipe, data in self._datasets.items() if file in data}

    def beside(self, file: Path) -> set[Path]:
        """The other data sets of the recipes that have one, or of a recipe itself."""
        sets = [data for recipe, data in self._datasets.items() if file in data or file == recipe]
        return set().union(*sets) - {file}

    # What the client does

    async def begin(self, folders: list[Path]) -> None:
        """Find the recipes of the workspace and watch their files. The session has begun."""
        self._watcher = Watcher(self._files_saved)
        async with self._learning:
            found = await asyncio.to_thread(_find_recipes, folders)
            for recipe in found:
                await self._know(recipe)
        self._session.start(self._session.unopened.look())
        await self._tell_rest(next(iter(self._datasets), None))

    async def folders_changed(self, added: list[Path], removed: list[Path]) -> None:
        """Folders were added to the workspace, or taken out."""
        async with self._learning:
            for recipe in [one for one in self._datasets if any(one.is_relative_to(folder) for folder in removed)]:
                del self._datasets[recipe]
            for recipe in await asyncio.to_thread(_find_recipes, added):
                await self._know(recipe)
        self._session.start(self._session.unopened.look())

    async def opened(self, path: Path, kind: Kind) -> None:
        """A recipe or a data set was opened in the editor."""
        await self._learn(path, kind)

    async def saved(self, path: Path, kind: Kind) -> None:
        """A file was saved in the editor. The watcher makes one save of it and the file system's events."""
        await self._learn(path, kind)
        if self._watcher:
            self._watcher.saved(path)

    async def trust_changed(self) -> None:
        if not self._session.trusted:
            self.stop()
        await self._tell_rest(next(iter(self._datasets), None))

    def only_recipe(self) -> Path:
        """The workspace's recipe: the only one, or the only one that is named recipe.yaml. Raises LintuneError."""
        known = list(self._datasets)
        if not known:
            raise LintuneError("There is no recipe in this workspace. Write a recipe.yaml first.")
        plain = [recipe for recipe in known if recipe.name in recipes.RECIPE_NAMES]
        for candidates in (known, plain):
            if len(candidates) == 1:
                return candidates[0]
        raise LintuneError("This workspace has several recipes. Open the one to train.")

    def train(self, recipe: Path) -> None:
        """Train because a person asked for it, whether anything changed or not. Raises LintuneError."""
        if not self._session.trusted:
            raise LintuneError("Nothing trains in a workspace that is not trusted. Trust it first.")
        if self._worker and not self._worker.done():
            raise LintuneError("A training is going on. Wait for it, or stop it first.")
        if not recipe.is_file():
            raise LintuneError(f"There is no recipe {recipe}. Save it first.")
        self._session.messages.forget(recipe)
        self._enqueue(recipe, by_hand=True)

    def stop(self) -> bool:
        """Stop the run that is going on, and forget those that wait. False when there was none."""
        self._queue.clear()
        if self._worker is None or self._worker.done():
            return False
        self._halted = True
        if self._process:
            self._process.cancel()
        if self._progress:
            self._progress.report("stopping …")
        return True

    async def end(self) -> None:
        """The server goes down: no trainer survives it."""
        if self._watcher:
            self._watcher.close()
        self._queue.clear()
        self._halted = True
        if self._process:
            self._process.cancel(_SHUTDOWN_GRACE)
        if self._worker and self._worker is not asyncio.current_task():
            await asyncio.wait({self._worker}, timeout=_SHUTDOWN_GRACE + 1)

    # Recipes and saves

    async def _learn(self, path: Path, kind: Kind) -> None:
        async with self._learning:
            if path in self._datasets or any(path in data for data in self._datasets.values()):
                return
            recipe = path if kind is Kind.RECIPE else await asyncio.to_thread(recipes.find_for, path)
            if recipe is None or recipe in self._datasets:
                return
            await self._know(recipe)
        if self._process is None:
            await self._tell_rest(recipe)

    async def _know(self, recipe: Path) -> None:
        """Take a recipe up, or read again which data sets it has, and watch them."""
        recipe = recipe.resolve()
        self._datasets.setdefault(recipe, frozenset())
        self._watch()  # before it is read: a change in between would never be noticed
        try:
            loaded = await asyncio.to_thread(recipes.load, recipe)
        except LintuneError:
            return  # its findings say what is wrong; until it is mended, its old data sets count
        self._datasets[recipe] = frozenset(recipes.real_path(path) for path in loaded.dataset_paths(recipe.parent))
        self._watch()

    def _watch(self) -> None:
        if self._watcher:
            for problem in self._watcher.watch(self.files):
                self._session.messages.log(problem)

    def _files_saved(self, files: frozenset[Path]) -> None:
        self._session.outlooks.forget()
        for recipe, data in self._datasets.items():
            if recipe in files:
                self._session.start(self._recipe_saved(recipe))
            elif files & data:
                self._enqueue(recipe)
        self._session.data_saved(files)

    async def _recipe_saved(self, recipe: Path) -> None:
        async with self._learning:
            await self._know(recipe)
        self._session.recipe_changed()
        self._enqueue(recipe)

    def _enqueue(self, recipe: Path, by_hand: bool = False) -> None:
        if not self._session.trusted:
            return
        if self._process is not None:
            self._session.messages.log(f"{recipe.name} was saved: looked at again when this training has ended.")
        self._queue[recipe] = self._queue.get(recipe, False) or by_hand
        if self._worker is None or self._worker.done():
            self._worker = self._session.start(self._work())

    async def _work(self) -> None:
        while self._queue:
            recipe = next(iter(self._queue))
            by_hand = self._queue.pop(recipe)
            self._halted = False
            if (by_hand or await self._should_train(recipe)) and not self._halted:
                await self._run(recipe)

    async def _should_train(self, recipe: Path) -> bool:
        flight = await asyncio.to_thread(preflight.inspect, recipe)
        last = await asyncio.to_thread(runs.last_finished, recipe)
        decision = policy.decide(
            flight.recipe,
            flight.faults,
            flight.problem,
            flight.fingerprint,
            last.fingerprint if last else None,
        )
        if isinstance(decision, policy.Train):
            return True
        messages = self._session.messages
        messages.log(f"{recipe.name}: {decision.message}")
        if decision.reason in (policy.Reason.BLOCKED, policy.Reason.UNREADABLE):
            messages.once(decision.message, recipe)
        elif decision.reason is policy.Reason.UNCHANGED:
            messages.forget(recipe)
        await self._tell_rest(recipe, decision.message)
        return False

    # The run

    async def _run(self, recipe: Path) -> None:
        session = self._session
        process = TrainerProcess(recipe, on_event=self._event, on_log=session.messages.log)
        self._process = process
        self._progress = WorkDone(session.server, f"Training {recipe.parent.name}", self._stop_from_progress)
        session.start(self._progress.create())
        self._tell(State.TRAINING, "training …", "The trainer is being started.")
        session.refresh_lenses()
        try:
            outcome = await process.wait()
        except LintuneError as error:
            outcome = Outcome(Phase.REFUSED, str(error))
        except Exception:
            log.exception("the supervisor failed")
            outcome = Outcome(Phase.FAILED, "Lintune hit an internal error while training. The log has the details.")
        finally:
            self._process = None
        self._progress.end(outcome.message)
        await self._tell_outcome(recipe, outcome)
        session.refresh_lenses()

    def _stop_from_progress(self) -> None:
        self.stop()

    def _event(self, event: Event) -> None:
        progress = self._progress
        match event:
            case events.Progress():
                line = narration.step(event)
                if progress:
                    progress.report(line, percentage=100 * event.step // max(event.total_steps, 1))
                self._tell(State.TRAINING, line, "", step=event.step, total=event.total_steps, loss=event.loss)
            case events.StageChanged(state=StageState.STARTED):
                exporting = event.stage in (Stage.EXPORT, Stage.VERIFY)
                line = f"{narration.STAGES[event.stage]} …"
                if progress:
                    progress.report(line)
                self._tell(State.EXPORTING if exporting else State.TRAINING, line)
            case events.Verified(ok=False):
                failed = next((check for check in event.checks if not check.ok), None)
                self._session.messages.warning(
                    "The exported model does not equal the trained one"
                    + (f": {failed.name}: {failed.detail}" if failed else ".")
                )
            case events.Warned():
                self._session.messages.log(event.message)

    async def _tell_outcome(self, recipe: Path, outcome: Outcome) -> None:
        messages = self._session.messages
        messages.log(f"{recipe.name}: {outcome.message}")
        if outcome.phase is not Phase.REFUSED:  # what keeps a training from beginning is said once, not at each save
            messages.forget(recipe)
        if outcome.phase in (Phase.FINISHED, Phase.CANCELLED):
            self._session.base_model_arrived()
            await self._tell_rest(recipe, outcome.message)
        else:
            messages.once(outcome.message, recipe)
            self._tell(State.FAILED, "training failed", outcome.message, recipe=recipe, run=outcome.run)

    async def _tell_rest(self, recipe: Path | None, detail: str = "") -> None:
        """The status when nothing runs."""
        if recipe is None:
            self._tell(State.IDLE, "no recipe", detail or "Open a recipe, or a data set that has one.")
            return
        if not self._session.trusted:
            self._tell(State.IDLE, "not trusted", "Nothing trains in a workspace that is not trusted.", recipe)
            return
        last = await asyncio.to_thread(runs.last_finished, recipe)
        if self._process is not None:
            return  # a run began while the directories were read
        if last is None:
            self._tell(State.UNTRAINED, "not trained yet", detail, recipe)
        else:
            self._tell(State.READY, "tuned model ready", detail, recipe, run=last.folder)

    def _tell(
        self,
        state: State,
        text: str,
        detail: str = "",
        recipe: Path | None = None,
        *,
        run: Path | None = None,
        step: int | None = None,
        total: int | None = None,
        loss: float | None = None,
    ) -> None:
        if self._process is not None:
            recipe, run = recipe or self._process.recipe, run or self._process.run
        self._session.messages.set_status(
            Status(
                state,
                text,
                detail,
                convert.uri_of(recipe) if recipe else None,
                str(run) if run else None,
                step,
                total,
                loss,
            )
        )


def _find_recipes(workspace: list[Path]) -> list[Path]:
    """Files named as recipes in the workspace's folders and a little below them; those named recipe.yaml first."""
    found: list[Path] = []
    for top in map(str, workspace):
        for count, (name, folders, files) in enumerate(os.walk(top)):
            if count >= _SEARCH_FOLDERS:
                break
            depth = 0 if name == top else name[len(top) :].count(os.sep)
            folders[:] = sorted(
                entry for entry in folders if depth < _SEARCH_DEPTH and entry[0] != "." and entry not in _NOT_SEARCHED
            )
            found += (Path(name, file) for file in sorted(files) if recipes.is_recipe_name(Path(file)))
    return sorted(found, key=lambda path: path.name not in recipes.RECIPE_NAMES)
