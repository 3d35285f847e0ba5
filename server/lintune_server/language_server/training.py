"""Trainings of a workspace: what a save of a recipe's files leads to, and what a person asks for. One run at a time.

Saves come from the workspace's watcher; the inspection looks at the files; the policy decides; the supervisor runs the
trainer; here they are tied together. What happens is told by the run view.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintune_schemas import runs as run_files
from lintune_schemas.errors import LintuneError
from lintune_server.language_server import inspection
from lintune_server.language_server.offers import Offers
from lintune_server.language_server.run_view import RunView
from lintune_server.training import policy, runs, trainers
from lintune_server.training.following import follow
from lintune_server.training.policy import Ongoing, Queue, Reason, Skip, Supersede, Train
from lintune_server.training.supervisor import Outcome, Phase, TrainerProcess

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_schemas.events import Event
    from lintune_server.language_server.session import Session
    from lintune_server.training.runs import Run

log = logging.getLogger(__name__)

_SHUTDOWN_GRACE = 1.5
"""Seconds a trainer gets at shutdown: editors kill a server that takes longer than two."""
_LOOK_EVERY = 3.0
"""Seconds between two looks whether another program trains."""


@dataclass
class _Job:
    """A run that is going on: ours, or another program's that is waited for."""

    recipe: Path
    by_hand: bool = False
    resume: Run | None = None
    fingerprint: str | None = None
    """Of what a save wants to be trained."""
    elsewhere: bool = False
    """Whether another program carries it out."""
    process: TrainerProcess | None = None
    run: Run | None = None
    """What another program's trainer reports."""
    halted: bool = False
    """It is not to be begun after all."""


class Training:
    """Belongs to the event loop."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._view = RunView(session)
        self._offers = Offers(session)
        self._job: _Job | None = None
        self._worker: asyncio.Task[None] | None = None
        self._saves: dict[Path, None] = {}
        """Recipes of which something was saved, in order."""
        self._looker: asyncio.Task[None] | None = None
        self._era = 0
        """Counts what makes earlier saves void."""
        self._later: dict[Path, None] = {}
        """Recipes to look at again when the run has ended."""
        self._elsewhere: dict[Path, set[str | None]] = {}
        """Fingerprints of what another program trained while it was waited for."""
        self._paused: dict[Path, Path] = {}
        """By recipe, the run that somebody paused since the session began."""
        self._lookout: asyncio.Task[None] | None = None

    @property
    def running(self) -> Path | None:
        """The recipe that is being trained now."""
        return self._job.recipe if self._job else None

    @property
    def can_pause(self) -> bool:
        """Whether the run that is going on can be paused from here."""
        return self._job is not None and self._job.process is not None

    def is_resumable(self, recipe: Path) -> bool:
        """Whether the recipe's last run died or rests."""
        return recipe in self._view.resumable

    # What the client does

    async def recipes_found(self, found: list[Path]) -> None:
        """The workspace has these recipes, which nobody knew of before."""
        if self._lookout is None:
            self._lookout = self._session.start(self._look_out())
        if await self._find_trainer(found) or self._job is not None:
            return
        await self._view.rest(next(iter(found), None))
        if self._session.trusted:
            for recipe in found:
                await self._offers.look(recipe)

    async def _look_out(self) -> None:
        """Notice trainings that other programs start: a terminal, another editor."""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            await self._find_trainer(self._session.workspace.recipes)

    async def _find_trainer(self, recipes: list[Path]) -> bool:
        """Follow a trainer that is at work in the folder of a recipe. Whether there is one."""
        if not self._session.trusted:
            return False
        for recipe in recipes:
            run = await asyncio.to_thread(runs.at_work, recipe.parent) if self._job is None else None
            if run and run.recipe and self._job is None:
                self._begin(_Job((recipe.parent / run.recipe).resolve(), elsewhere=True))
                return True
        return False

    async def trust_changed(self) -> None:
        if not self._session.trusted:
            self._forget_saves()
            if self._job and not self._job.elsewhere:
                self.stop()
        await self.recipes_found(self._session.workspace.recipes)

    def saved(self, recipe: Path) -> None:
        """A recipe, or a data set of it, was saved by some program."""
        if not self._session.trusted:
            return
        self._saves[recipe] = None
        if self._looker is None or self._looker.done():
            self._looker = self._session.start(self._look())

    def train(self, recipe: Path) -> None:
        """Train because a person asked for it, whether anything changed or not. Raises LintuneError."""
        self._require_rest(recipe)
        self._begin(_Job(recipe, by_hand=True))

    async def resume(self, recipe: Path) -> None:
        """Go on with the recipe's newest run, which did not end as it should. Raises LintuneError."""
        run = await asyncio.to_thread(runs.newest, recipe)
        self._require_rest(recipe)
        if run is None or not run.can_be_resumed:
            raise LintuneError(f"The last training of {recipe.name} is not one that can be resumed. Train it anew.")
        self._begin(_Job(recipe, by_hand=True, resume=run, fingerprint=run.fingerprint))

    def pause(self) -> bool:
        """Have the run that is going on write a checkpoint and end. False when there is none. Raises LintuneError."""
        job = self._job
        if job is None:
            return False
        if job.process is None:
            raise LintuneError("This training cannot be paused from here: another program started it, or it begins.")
        job.process.pause()
        self._view.report("pausing …")
        return True

    def stop(self) -> bool:
        """Stop the run that is going on, and forget what waits. False when there was none. Raises LintuneError."""
        self._forget_saves()
        if self._job is None:
            return self._give_up_paused()
        job = self._job
        job.halted = True
        if job.process:
            job.process.cancel()
        elif job.elsewhere:
            self._stop_elsewhere(job)
        self._view.report("stopping …")
        return True

    async def runs_deleted(self) -> None:
        """What rests may be gone, and what the status tells of."""
        self._paused = {recipe: run for recipe, run in self._paused.items() if run.is_dir()}
        if self._job is None:
            await self._view.rest_again()

    async def end(self) -> None:
        """The server goes down: no trainer survives it, but its run can be resumed."""
        self._forget_saves()
        if self._lookout:
            self._lookout.cancel()
        job = self._job
        if job is None or self._worker is None:
            return
        job.halted = True
        if job.process:
            job.process.pause(kill_after=_SHUTDOWN_GRACE)
        else:
            self._worker.cancel()
        if self._worker is not asyncio.current_task():
            await asyncio.wait({self._worker}, timeout=_SHUTDOWN_GRACE + 1)

    def _forget_saves(self) -> None:
        self._era += 1
        self._saves.clear()
        self._later.clear()
        self._elsewhere.clear()

    def _require_rest(self, recipe: Path) -> None:
        if not self._session.trusted:
            raise LintuneError("Nothing trains in a workspace that is not trusted. Trust it first.")
        if self._session.run_actions.busy:
            raise LintuneError("An export is going on. Wait for it, or cancel it first.")
        if self._job is not None or trainers.is_at_work(recipe.parent):
            raise LintuneError("A training is going on. Wait for it, or stop it first.")
        if not recipe.is_file():
            raise LintuneError(f"There is no recipe {recipe}. Save it first.")
        self._session.messages.forget(recipe)

    def _give_up_paused(self) -> bool:
        if not self._paused:
            return False
        recipe, run = self._paused.popitem()
        self._view.given_up.add(run)
        self._session.start(self._view.rest(recipe, "The training that was paused is given up."))
        self._session.refresh_lenses()
        return True

    def _stop_elsewhere(self, job: _Job) -> None:
        pid = job.run.pid if job.run else None
        if pid is not None and trainers.stop(pid):
            return
        which = f"process {pid}" if pid else "another program"
        raise LintuneError(
            f"This training was started elsewhere ({which}) and cannot be stopped from here: stop it there."
        )

    # Saves

    async def _look(self) -> None:
        while self._saves:
            recipe = next(iter(self._saves))
            del self._saves[recipe]
            if self._job and self._job.recipe != recipe:
                self._later[recipe] = None
                self._session.messages.log(f"{recipe.name} was saved: looked at when this training has ended.")
            else:
                await self._consider(recipe)

    async def _consider(self, recipe: Path) -> None:
        era = self._era
        flight = await inspection.inspect(self._session, recipe)
        last = await asyncio.to_thread(runs.last_finished, recipe)
        job = self._job
        ongoing = await self._ongoing(recipe)
        if era != self._era:
            return
        if job is not self._job or (job is not None and job.recipe != recipe):
            self.saved(recipe)  # a run has ended, or begun, meanwhile: that makes a difference
            return
        trained = {last.fingerprint if last else None, *self._elsewhere.pop(recipe, ())}
        verdict = policy.decide(flight.recipe, flight.faults, flight.problem, flight.fingerprint, trained, ongoing)
        match verdict:
            case Train(fingerprint):
                self._begin(_Job(recipe, fingerprint=fingerprint))
            case Queue(message):
                self._later[recipe] = None
                self._view.note(f"{recipe.name}: {message}")
            case Supersede(message):
                self._supersede(recipe, message)
            case Skip():
                self._later.pop(recipe, None)
                await self._skip(recipe, verdict)

    async def _ongoing(self, recipe: Path) -> Ongoing | None:
        """The recipe's run that is going on, or rests."""
        job = self._job
        if job is None or job.recipe != recipe:
            run = self._paused.get(recipe)
            return Ongoing(await _fingerprint_of(run), paused=True) if run else None
        if job.elsewhere:
            return Ongoing(job.run.fingerprint if job.run else None, ours=False)
        run = job.process.run if job.process else None
        return Ongoing(await _fingerprint_of(run) or job.fingerprint)

    def _supersede(self, recipe: Path, message: str) -> None:
        self._view.note(f"{recipe.name}: {message}")
        if self._job is None:
            self._paused.pop(recipe, None)
            self.saved(recipe)
            return
        self._later[recipe] = None
        self._job.halted = True
        if self._job.process:
            self._job.process.cancel()

    async def _skip(self, recipe: Path, verdict: Skip) -> None:
        messages = self._session.messages
        if verdict.reason in (Reason.BLOCKED, Reason.UNREADABLE):
            messages.once(verdict.message, recipe)
        elif verdict.reason is Reason.UNCHANGED:
            messages.forget(recipe)
        if self._job is not None:
            self._view.note(f"{recipe.name}: {verdict.message}")
            return
        messages.log(f"{recipe.name}: {verdict.message}")
        await self._view.rest(recipe, verdict.message)

    # Runs

    def _begin(self, job: _Job) -> None:
        self._job = job
        self._worker = self._session.start(self._work(job))

    async def _work(self, job: _Job) -> None:
        try:
            await self._carry_out(job)
        finally:
            self._job = None
            self._session.refresh_lenses()
            later, self._later = self._later, {}
            for recipe in later:
                self.saved(recipe)

    async def _carry_out(self, job: _Job) -> None:
        if job.elsewhere or await asyncio.to_thread(trainers.is_at_work, job.recipe.parent):
            await self._follow(job)
            return
        self._view.begin(job.recipe, "The trainer is being started.")
        if job.by_hand and not job.resume:
            flight = await inspection.inspect(self._session, job.recipe, by_hand=True)
            job.fingerprint = flight.fingerprint
            if flight.faults:
                await self._view.ended(job.recipe, Outcome(Phase.REFUSED, policy.refusal(flight.faults)))
                return
        if job.halted:
            await self._view.ended(job.recipe, Outcome(Phase.CANCELLED, "The training was stopped before it began."))
            return
        self._paused.pop(job.recipe, None)
        self._session.run_notes.begin(job.recipe)
        outcome = await self._train(job)
        if outcome.phase is Phase.REFUSED and await asyncio.to_thread(trainers.is_at_work, job.recipe.parent):
            await self._follow(job)  # another program was a moment earlier
            return
        if outcome.phase is Phase.PAUSED and outcome.run:
            self._paused[job.recipe] = outcome.run
        await self._view.ended(job.recipe, outcome)
        if outcome.phase is Phase.DIED and outcome.run:
            self._offers.make(job.recipe, outcome.run, outcome.message)

    async def _train(self, job: _Job) -> Outcome:
        def on_event(event: Event) -> None:
            self._view.event(event, process.run)
            self._session.trainer_says(job.recipe, event)

        resume = job.resume.name if job.resume else None
        process = TrainerProcess(job.recipe, resume=resume, on_event=on_event, on_log=self._session.messages.log)
        job.process = process
        self._view.started(self._stop_from_progress)
        self._session.refresh_lenses()
        try:
            return await process.wait()
        except LintuneError as error:
            return Outcome(Phase.REFUSED, str(error))
        except Exception:
            log.exception("the supervisor failed")
            return Outcome(Phase.FAILED, "Lintune hit an internal error while training. The log has the details.")
        finally:
            job.process = None

    def _stop_from_progress(self) -> None:
        self.stop()

    async def _follow(self, job: _Job) -> None:
        """Wait for a trainer that another program started, and say how far it is."""

        def seen(run: Run | None) -> None:
            job.run = run
            self._view.followed(job.recipe, run)

        job.elsewhere = True
        trained = await follow(job.recipe, seen)
        await self._view.left(job.recipe)
        self._elsewhere[job.recipe] = trained
        if job.fingerprint and not job.by_hand and not job.halted:
            self._later[job.recipe] = None


async def _fingerprint_of(run: Path | None) -> str | None:
    lock = await asyncio.to_thread(run_files.read_dataset_lock, run) if run else None
    return lock.fingerprint if lock else None
