"""What a person has done with runs that are over: exported, verified, deleted. Trainings are `training.py`'s."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from lintune_schemas import runs as run_files
from lintune_schemas.errors import LintuneError
from lintune_schemas.events import ArtefactWritten, StageChanged, StageState, Verified, Warned
from lintune_server.hardware.disk import BITS
from lintune_server.language_server.progress import WorkDone
from lintune_server.training import deleting, narration, run_list, trainers
from lintune_server.training.supervisor import FinishedRunProcess, Phase

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lintune_schemas.events import Event
    from lintune_server.language_server.session import Session
    from lintune_server.training.supervisor import Outcome

log = logging.getLogger(__name__)

_SHUTDOWN_GRACE = 1.0
"""Seconds a trainer gets at shutdown; what it has not finished writing leaves no file."""

QUANTIZATIONS = tuple(name for name in BITS if name != "f32")
"""Those that can be asked for by name here; the command line knows some more."""


class RunActions:
    """Belongs to the event loop."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._working: dict[Path, FinishedRunProcess] = {}
        """By run, the trainer that works on it."""
        self.busy: dict[Path, str] = {}
        """By run, what is done with it: `exporting …`."""

    async def export(self, run: Path, quantizations: Sequence[str]) -> bool:
        """Write GGUF files of a run, and prove them. Whether all is well. Raises LintuneError."""
        unknown = [name for name in quantizations if name not in QUANTIZATIONS]
        if unknown:
            raise LintuneError(f"{unknown[0]} is no quantization. Use one of: {', '.join(QUANTIZATIONS)}.")
        return await self._work(run, f"Exporting {run_files.recipe_folder(run).name}", quantizations)

    async def verify(self, run: Path) -> bool:
        """Prove the GGUF files of a run again. Whether they equal the trained model. Raises LintuneError."""
        return await self._work(run, f"Verifying {run_files.recipe_folder(run).name}", None)

    async def delete(self, runs: Sequence[Path]) -> tuple[list[Path], list[str]]:
        """Delete runs. Those that are gone then, and a sentence about each of the others."""
        deleted: list[Path] = []
        problems: list[str] = []
        for run in dict.fromkeys(runs):
            try:
                self._require_known(run)
                if run in self.busy:
                    raise LintuneError(f"The run {run.name} is being worked on. Wait for its end, or cancel it.")
                await self._session.sidecar.forget(run)
                await asyncio.to_thread(deleting.delete, run)
                deleted.append(run)
            except LintuneError as error:
                problems.append(str(error))
        for folder in {run_files.recipe_folder(run) for run in deleted}:
            self._tell(folder)
        if deleted:
            await self._session.training.runs_deleted()
            self._session.refresh_lenses()
            self._session.readers.refresh()
        return deleted, problems

    def stop(self) -> None:
        """The workspace is not trusted any more, or the session ends: stop what is going on."""
        for process in self._working.values():
            process.cancel(_SHUTDOWN_GRACE)

    async def end(self) -> None:
        """The session ends: no trainer of ours survives it."""
        self.stop()
        while self._working:
            await asyncio.sleep(0.02)

    async def _work(self, run: Path, title: str, quantizations: Sequence[str] | None) -> bool:
        self._require_known(run)
        if not self._session.trusted:
            raise LintuneError("No model is loaded in a workspace that is not trusted. Trust it first.")
        folder = run_files.recipe_folder(run)
        if self._working or self._session.training.running or trainers.is_at_work(folder):
            raise LintuneError("A training or an export is going on. Wait for it, or stop it first.")
        told = _Told()
        process = FinishedRunProcess(
            run,
            quantizations,
            on_event=lambda event: self._heard(run, told, progress, event),
            on_log=self._session.messages.log,
        )
        progress = WorkDone(self._session.server, title, process.cancel)
        self._working[run] = process
        self._begin(run, "verifying …" if quantizations is None else "exporting …")
        self._session.start(progress.create())
        try:
            outcome = await process.wait()
        except LintuneError as error:
            progress.end(str(error))
            raise
        finally:
            del self._working[run], self.busy[run]
            self._tell(folder)
        progress.end(outcome.message)
        return self._ended(run, outcome, told)

    def _heard(self, run: Path, told: _Told, progress: WorkDone, event: Event) -> None:
        told.hear(event)
        if words := narration.notable(event):
            self._session.messages.log(words)
        if isinstance(event, StageChanged) and event.state is StageState.STARTED:
            words = f"{narration.STAGES[event.stage]} …"
            self._begin(run, words)
        if words:
            progress.report(words)

    def _begin(self, run: Path, what: str) -> None:
        self.busy[run] = what
        self._tell(run_files.recipe_folder(run))

    def _ended(self, run: Path, outcome: Outcome, told: _Told) -> bool:
        messages = self._session.messages
        match outcome.phase:
            case Phase.FINISHED:
                messages.info(told.summary(run))
            case Phase.FAILED:
                messages.error(f"{run.name}: {told.failure or outcome.message}")
            case Phase.CANCELLED:
                messages.log(f"{run.name}: {outcome.message}")
            case _:
                messages.error(f"{run.name}: {outcome.message}")
        return outcome.phase is Phase.FINISHED

    def _require_known(self, run: Path) -> None:
        run_list.require_known(run, [recipe.parent for recipe in self._session.workspace.recipes])

    def _tell(self, folder: Path) -> None:
        for recipe in self._session.workspace.recipes:
            if recipe.parent == folder:
                self._session.run_news.changed(recipe)


class _Told:
    """What the trainer said while it worked on a run."""

    def __init__(self) -> None:
        self._written: list[ArtefactWritten] = []
        self._verified: Verified | None = None
        self._warning = ""

    def hear(self, event: Event) -> None:
        match event:
            case ArtefactWritten(quantization=str()):
                self._written.append(event)
            case Verified():
                self._verified = event
            case Warned():
                self._warning = event.message

    @property
    def failure(self) -> str:
        return self._warning if self._verified and not self._verified.ok else ""

    def summary(self, run: Path) -> str:
        """In sentences, for a message."""
        files = ", ".join(f"{one.path} ({one.bytes / 1e6:,.0f} MB)" for one in self._written)
        parts = [f"Wrote {files}." if files else ""]
        if self._verified and self._verified.ok:
            parts.append("All files equal the trained model.")
        parts.append(self._warning)
        return f"Run {run.name}: " + (" ".join(part for part in parts if part) or "all files were there already.")
