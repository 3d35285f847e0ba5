"""What the client is told of trainings: status, progress, and how each ended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lintune_schemas import events
from lintune_schemas.events import Stage, StageState, WarningTopic
from lintune_server.language_server import convert
from lintune_server.language_server.messages import State, Status
from lintune_server.language_server.progress import WorkDone
from lintune_server.training import narration, runs
from lintune_server.training.runs import RunState
from lintune_server.training.supervisor import Phase

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lintune_schemas.events import Event
    from lintune_server.language_server.session import Session
    from lintune_server.training.runs import Run
    from lintune_server.training.supervisor import Outcome


class RunView:
    """Belongs to the event loop."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._progress: WorkDone | None = None
        self._recipe: Path | None = None
        """Of the run that is going on; None while nothing is."""
        self._run: Path | None = None
        self._note = ""
        """What saves during the run led to."""
        self._over_fitting_told = False
        self.resumable: set[Path] = set()
        """Recipes whose newest run died or rests, as far as somebody looked."""
        self.given_up: set[Path] = set()
        """Runs that rest, and that the user does not want to go on with."""

    # A run of ours

    def begin(self, recipe: Path, detail: str) -> None:
        """A run is about to begin."""
        self._recipe, self._run, self._note, self._over_fitting_told = recipe, None, "", False
        self.resumable.discard(recipe)
        self._tell(State.TRAINING, "training …", detail)
        self._session.refresh_lenses()

    def started(self, on_cancel: Callable[[], None]) -> None:
        """Its process is being started. on_cancel: called when the user cancels the progress."""
        assert self._recipe
        self._progress = WorkDone(self._session.server, f"Training {self._recipe.parent.name}", on_cancel)
        self._session.start(self._progress.create())

    def event(self, event: Event, run: Path | None) -> None:
        """It reports something."""
        self._run = run
        match event:
            case events.Progress():
                line = narration.step(event)
                self.report(line, 100 * event.step // max(event.total_steps, 1))
                self._tell_step(line, event)
            case events.StageChanged(state=StageState.STARTED):
                exporting = event.stage in (Stage.EXPORT, Stage.VERIFY)
                line = f"{narration.STAGES[event.stage]} …"
                self.report(line)
                self._tell(State.EXPORTING if exporting else State.TRAINING, line, self._note)
            case events.Verified(ok=False):
                failed = next((check for check in event.checks if not check.ok), None)
                self._session.messages.warning(
                    "The exported model does not equal the trained one"
                    + (f": {failed.name}: {failed.detail}" if failed else ".")
                )
            case events.Warned():
                self._session.messages.log(event.message)
                if event.topic is WarningTopic.OVER_FITTING and not self._over_fitting_told:
                    self._over_fitting_told = True
                    self._session.messages.warning(event.message)

    def report(self, line: str, percentage: int | None = None) -> None:
        """Say beside the progress bar what is being done."""
        if self._progress:
            self._progress.report(line, percentage)

    def note(self, message: str) -> None:
        """A save during the run led to this: in the log, and in the status until the run ends."""
        self._note = message
        self._session.messages.note(message)

    async def ended(self, recipe: Path, outcome: Outcome) -> None:
        """Tell how it ended."""
        if self._progress:
            self._progress.end(outcome.message)
        self._progress = self._recipe = self._run = None
        messages = self._session.messages
        messages.log(f"{recipe.name}: {outcome.message}")
        if outcome.phase is not Phase.REFUSED:  # what keeps a training from beginning is said once, not at each save
            messages.forget(recipe)
        if outcome.phase in (Phase.FINISHED, Phase.CANCELLED, Phase.PAUSED):
            self._session.base_model_arrived()
            await self.rest(recipe, outcome.message)
            return
        if outcome.phase is Phase.DIED and outcome.run:
            self.resumable.add(recipe)  # and it is offered to go on with it
        else:
            messages.once(outcome.message, recipe)
        self._tell(State.FAILED, "training failed", outcome.message, recipe, outcome.run)

    # Another program's

    def followed(self, recipe: Path, run: Run | None) -> None:
        """A trainer is at work that somebody else started. run: None until it has begun one."""
        if self._recipe is None:
            self.begin(recipe, "")
        if self._progress:  # ours could not begin: the other one was a moment earlier
            self._progress.end("Another program trains.")
            self._progress = None
        who = f" (process {run.pid})" if run and run.pid else ""
        detail = f"Another program started this training{who}. {self._note}".strip()
        self._run = run.folder if run else None
        if run and run.progress:
            self._tell_step(narration.step(run.progress), run.progress, detail)
        else:
            self._tell(State.TRAINING, "training …", detail)

    async def left(self, recipe: Path) -> None:
        """That trainer is gone."""
        self._recipe = self._run = None
        self._session.base_model_arrived()
        run = await asyncio.to_thread(runs.newest, recipe)
        detail = f"The training of another program has ended: {run.state}." if run else ""
        if detail:
            self._session.messages.log(f"{recipe.name}: {detail}")
        await self.rest(recipe, detail)

    # Nothing runs

    async def rest(self, recipe: Path | None, detail: str = "") -> None:
        """The status when nothing runs."""
        if recipe is None:
            self._tell(State.IDLE, "no recipe", detail or "Open a recipe, or a data set that has one.")
            return
        if not self._session.trusted:
            self._tell(State.IDLE, "not trusted", "Nothing trains in a workspace that is not trusted.", recipe)
            return
        newest = await asyncio.to_thread(runs.newest, recipe)
        last = await asyncio.to_thread(runs.last_finished, recipe)
        if self._recipe is not None:
            return  # a run began while the directories were read
        if newest and newest.folder in self.given_up:
            newest = None
        resumable = newest is not None and newest.state in (RunState.DEAD, RunState.PAUSED)
        (self.resumable.add if resumable else self.resumable.discard)(recipe)
        if newest and newest.state is RunState.PAUSED:
            detail = detail or f"It was paused {newest.place}."
            self._tell(State.PAUSED, "training paused", detail, recipe, newest.folder, resumable=True)
            return
        if newest and newest.state is RunState.DEAD:
            detail = detail or f"The last training died {newest.place}, and can be resumed."
        if last is None:
            self._tell(State.UNTRAINED, "not trained yet", detail, recipe, resumable=resumable)
        else:
            self._tell(State.READY, "tuned model ready", detail, recipe, last.folder, resumable=resumable)

    async def rest_again(self) -> None:
        """The run that the status is about may be gone."""
        told = self._session.messages.status.recipe
        recipe = next((one for one in self._session.workspace.recipes if convert.uri_of(one) == told), None)
        await self.rest(recipe)

    def _tell_step(self, line: str, event: events.Progress, detail: str | None = None) -> None:
        detail = self._note if detail is None else detail
        self._tell(State.TRAINING, line, detail, step=event.step, total=event.total_steps, loss=event.loss)

    def _tell(
        self,
        state: State,
        text: str,
        detail: str = "",
        recipe: Path | None = None,
        run: Path | None = None,
        *,
        step: int | None = None,
        total: int | None = None,
        loss: float | None = None,
        resumable: bool = False,
    ) -> None:
        recipe, run = recipe or self._recipe, run or self._run
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
                resumable or (state is State.FAILED and recipe in self.resumable),
            )
        )
