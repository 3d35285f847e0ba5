"""`eval.json` of a run: what its evaluations measured, and how the base and the tuned model did on each sample.

The trainer writes it, right after the base model was scored and again at the end; the server reads it, for the marks in
the editor. Its JSON Schema is `json/eval.schema.json`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from lintune_schemas.events import EvaluationKind  # noqa: TC001 (msgspec reads the annotation)

if TYPE_CHECKING:
    from pathlib import Path

FILE = "eval.json"


class Mark(StrEnum):
    """What training did to the answer of one sample."""

    FIXED = "fixed"
    BROKEN = "broken"
    STILL_WRONG = "still wrong"
    STILL_RIGHT = "still right"

    @classmethod
    def of(cls, base: bool, tuned: bool) -> Mark:
        """By whether the base model was right, and whether the tuned model is."""
        if tuned:
            return cls.STILL_RIGHT if base else cls.FIXED
        return cls.BROKEN if base else cls.STILL_WRONG


class Measured(msgspec.Struct, frozen=True, omit_defaults=True):
    """One evaluation: the figures of `events.Evaluation`, where those that were not measured are left out."""

    kind: EvaluationKind
    step: int
    eval_loss: float
    perplexity: float
    token_accuracy: float | None = None
    exact_match: float | None = None
    train_loss: float | None = None
    reward_accuracy: float | None = None
    reward_margin: float | None = None


class SampleScore(msgspec.Struct, frozen=True):
    """How a model does on one sample, with the reference before every token; of a preference pair, on the better
    answer."""

    loss: float
    """In nats a trained token."""
    tokens: int
    """Trained tokens; at least one."""
    right: int
    """Those of them that the model finds likeliest of all tokens."""
    exact: bool
    """Whether that is all of them: of a sample with one answer, the model's greedy answer is then the reference."""
    prefers: bool | None = None
    """Of a preference pair: whether the better answer is likelier than the worse one, each as a whole."""

    @property
    def is_right(self) -> bool:
        """What a mark goes by: the preference of a pair, else an exact answer."""
        return self.exact if self.prefers is None else self.prefers


class SampleResult(msgspec.Struct, frozen=True):
    """One sample of the eval set."""

    path: str
    """As the recipe names the file."""
    line: int
    """1-based."""
    digest: str
    """`DatasetSample.digest` in hexadecimal: it finds the sample again wherever its line has moved to."""
    base: SampleScore | None = None
    """None when it was not measured, as in a run of which an older version measured the base model."""
    tuned: SampleScore | None = None
    """None before the run's last evaluation."""

    @property
    def mark(self) -> Mark | None:
        """None unless both models were measured."""
        if self.base is None or self.tuned is None:
            return None
        return Mark.of(self.base.is_right, self.tuned.is_right)


class RunEvaluation(msgspec.Struct, frozen=True):
    """The file."""

    samples: int
    """Of the eval set."""
    trained_tokens: int
    """Of all of them together."""
    evaluations: list[Measured]
    """In the order in which they were made."""
    each: list[SampleResult] = []
    """In the order of the eval set; empty in files of older versions."""


def read(run: Path) -> RunEvaluation | None:
    """That of a run directory; None when there is none, or none that can be understood."""
    try:
        return msgspec.json.decode((run / FILE).read_bytes(), type=RunEvaluation)
    except (OSError, msgspec.DecodeError):
        return None
