"""What the events of a run come to. After a run was resumed it reports some steps again: of two, the later counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from lintune_schemas.events import (
    ArtefactWritten,
    CheckpointSaved,
    Evaluation,
    EvaluationKind,
    Event,
    Progress,
    RunFinished,
    RunResumed,
    RunStarted,
    Verified,
    Warned,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class History:
    """A run as far as it has got."""

    started: RunStarted | None
    progress: tuple[Progress, ...]
    """One a step, in their order."""
    evaluations: tuple[Evaluation, ...]
    """In the order in which they were made, with one of a kind and step."""
    checkpoints: tuple[CheckpointSaved, ...]
    """Those that were written; old ones may be deleted since."""
    artefacts: tuple[ArtefactWritten, ...]
    warnings: tuple[Warned, ...]
    """Each message once."""
    verified: Verified | None
    first: Event | None
    last: Event | None
    resumed: int
    """How many times it went on in another process."""
    seconds: float
    """From its first event to its last, without the pauses before it was resumed."""

    @property
    def baseline(self) -> Evaluation | None:
        return self._evaluation(EvaluationKind.BASELINE)

    @property
    def final(self) -> Evaluation | None:
        return self._evaluation(EvaluationKind.FINAL)

    @property
    def best(self) -> Evaluation | None:
        """The one of tuned weights with the lowest loss, of equal ones the first."""
        tuned = [made for made in self.evaluations if made.kind is not EvaluationKind.BASELINE]
        return min(tuned, key=lambda made: made.eval_loss, default=None)

    @property
    def step(self) -> int:
        """The last optimizer step that was made."""
        return self.progress[-1].step if self.progress else 0

    @property
    def memory_bytes(self) -> int | None:
        """The most that was in use."""
        return max((made.memory_bytes for made in self.progress if made.memory_bytes is not None), default=None)

    def _evaluation(self, kind: EvaluationKind) -> Evaluation | None:
        return next((made for made in reversed(self.evaluations) if made.kind is kind), None)


def of(events: Iterable[Event]) -> History:
    """The history that the events of a run tell, in the order in which they were recorded."""
    started: RunStarted | None = None
    progress: dict[int, Progress] = {}
    evaluations: dict[tuple[EvaluationKind, int], Evaluation] = {}
    checkpoints: dict[int, CheckpointSaved] = {}
    artefacts: dict[str, ArtefactWritten] = {}
    warnings: dict[str, Warned] = {}
    verified: Verified | None = None
    first = last = begin = None
    seconds, resumed = 0.0, 0
    for event in events:
        first = first or event
        begin = begin or event
        match event:
            case RunStarted():
                started = event
            case RunResumed():
                seconds += _between(begin, last)
                begin = event
                resumed += 1
                progress = {step: made for step, made in progress.items() if step <= event.step}
                checkpoints = {step: made for step, made in checkpoints.items() if step <= event.step}
                evaluations = {key: made for key, made in evaluations.items() if made.step <= event.step}
            case Progress():
                progress[event.step] = event
            case Evaluation():
                key = (event.kind, event.step)
                evaluations.pop(key, None)  # so that it takes its place in the new order
                evaluations[key] = event
            case CheckpointSaved():
                checkpoints[event.step] = event
            case ArtefactWritten():
                artefacts[event.path] = event
            case Warned():
                warnings[event.message] = event
            case Verified():
                verified = event
        last = event
    seconds += _between(begin, last)
    if isinstance(last, RunFinished):
        seconds = last.seconds  # by a clock that nobody sets
    return History(
        started=started,
        progress=tuple(progress[step] for step in sorted(progress)),
        evaluations=tuple(evaluations.values()),
        checkpoints=tuple(checkpoints[step] for step in sorted(checkpoints)),
        artefacts=tuple(artefacts.values()),
        warnings=tuple(warnings.values()),
        verified=verified,
        first=first,
        last=last,
        resumed=resumed,
        seconds=seconds,
    )


def time_of(event: Event) -> datetime | None:
    """When it was recorded, in UTC; None when that cannot be read."""
    try:
        time = datetime.fromisoformat(event.time)
    except ValueError:
        return None
    return time if time.tzinfo else None


def _between(begin: Event | None, end: Event | None) -> float:
    """Seconds; 0 when the clock was set back."""
    times = [time_of(event) if event else None for event in (begin, end)]
    if times[0] is None or times[1] is None:
        return 0.0
    return max((times[1] - times[0]).total_seconds(), 0.0)
