"""The losses of a run over its steps, as they are drawn in the terminal and in pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lintune_schemas.events import EvaluationKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_schemas.history import History

_MEMORY = 0.03
"""Of all steps, the share over which a smoothed loss remembers: enough for the scatter of batches to go, and too little
to hide that the curve turns."""


class Point(NamedTuple):
    step: int
    loss: float
    """In nats a token."""


@dataclass(frozen=True, slots=True)
class LossCurve:
    """All losses are numbers, and steps ascend."""

    train: tuple[Point, ...]
    """Of each step's batch."""
    evaluation: tuple[Point, ...]
    """Of the tuned weights: those of checkpoints, and at the end."""
    base: float | None
    """The evaluation loss of the base model."""
    best: Point | None
    """The lowest of `evaluation`."""

    @property
    def smoothed(self) -> tuple[Point, ...]:
        """The training loss without the scatter of batches: an exponential mean, free of a bias to where it begins."""
        decay = math.exp(-1 / max(_MEMORY * len(self.train), 1.0))
        found, mean, weight = [], 0.0, 0.0
        for point in self.train:
            mean = decay * mean + (1 - decay) * point.loss
            weight = decay * weight + (1 - decay)
            found.append(Point(point.step, mean / weight))
        return tuple(found)


def of(history: History) -> LossCurve:
    """The curve of a run, as far as it has got."""
    train = tuple(Point(made.step, made.loss) for made in history.progress if math.isfinite(made.loss))
    evaluated = {
        made.step: Point(made.step, made.eval_loss)
        # A checkpoint's after the final one of its step: that may be of the best weights, which are earlier ones.
        for made in sorted(history.evaluations, key=lambda made: made.kind is EvaluationKind.CHECKPOINT)
        if made.kind is not EvaluationKind.BASELINE and math.isfinite(made.eval_loss)
    }
    points = tuple(evaluated[step] for step in sorted(evaluated))
    base = history.baseline.eval_loss if history.baseline else None
    return LossCurve(
        train,
        points,
        base if base is not None and math.isfinite(base) else None,
        min(points, key=lambda point: point.loss, default=None),
    )


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """At most that many of the points, among them the highest and the lowest of each stretch, so that spikes stay."""
    if len(points) <= most:
        return list(points)
    stretches = max(most // 2, 1)
    kept: list[Point] = []
    for number in range(stretches):
        stretch = points[len(points) * number // stretches : len(points) * (number + 1) // stretches]
        kept += sorted({min(stretch, key=_loss), max(stretch, key=_loss)})
    return kept


def _loss(point: Point) -> float:
    return point.loss
