"""The built-in trainer in this process, on one device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from lintune_schemas.events import Evaluation
    from lintune_trainer.job import Job


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """It trains the base model that the run holds already."""

    processes: int = 1
    backend: ClassVar[str] = "builtin"

    def require_ready(self) -> None:
        """What it needs are the packages of the train extra, which every run needs."""

    def fine_tune(self, job: Job) -> list[Evaluation]:
        """See `Engine`."""
        from lintune_trainer import training

        return training.fine_tune(job)
