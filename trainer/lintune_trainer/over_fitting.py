"""Whether a model has begun to learn its samples by heart instead of the task."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lintune_trainer import evaluation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_trainer.data import Sample
    from lintune_trainer.evaluation import Scores

_NATS = 0.03
"""By how much a loss must be above another to be worse: each token 3 % less likely."""

_SHARE = 0.05
"""And by what share of the other: at a loss of 2, 0.03 is little."""

_FEWER_WRONG = 0.9
"""The share of its wrong tokens that a model may still have for a higher loss to be forgiven. One that is surer of all
it says has a higher loss where it is wrong, and may be right more often all the same."""

_RECITED = 32
"""Training samples that are tried for whether the model knows them by heart."""


@dataclass(frozen=True, slots=True)
class Point:
    """An evaluation on the way. Losses are in nats a token."""

    step: int
    loss: float
    token_accuracy: float | None
    exact_match: float | None
    train_loss: float | None
    """The mean since the evaluation before."""


def clearly_worse(loss: float, than: float) -> bool:
    """Whether an evaluation loss is above another by more than comes and goes."""
    return loss - than > max(_NATS, _SHARE * than)


def best_of(points: Sequence[Point]) -> Point:
    """The one with the lowest loss, of equal ones the first."""
    return min(points, key=lambda point: point.loss)


def judge(points: Sequence[Point], *, final: bool = False) -> Point | None:
    """The point after which the model only learned by heart; None while there is no sign of that, or too little.

    final: whether the last of the points is the run's last evaluation; otherwise it takes two that are worse.
    """
    if len(points) < 2:
        return None
    best = best_of(points)
    later = points[points.index(best) + 1 :]
    if not later or not (final or len(later) > 1):
        return None
    worse = all(clearly_worse(point.loss, best.loss) for point in later[-1 if final else -2 :])
    return best if worse and _train_loss_fell(best, points[-1]) and not _more_right(best, points[-1]) else None


def recite(model: Any, train: Sequence[Sample], batch_size: int, seed: int) -> Scores:
    """The scores of some training samples, for the same seed the same ones."""
    some = random.Random(seed).sample(list(train), min(_RECITED, len(train)))  # noqa: S311 (not for secrets)
    return evaluation.evaluate(model, some, batch_size)


def described(best: Point, now: Point, recited: Scores, steps_per_epoch: int) -> str:
    """The figures, and what to do."""
    epoch = best.step / steps_per_epoch
    now_epoch = now.step / steps_per_epoch
    recall = f"Of {len(recited.each)} training answers it has {recited.exact_match:.0%} word for word"
    if now.exact_match is not None:
        recall += f", of the evaluation samples {now.exact_match:.0%}"
    if now.token_accuracy is not None:
        recall += f" (tokens: {recited.token_accuracy:.0%} and {now.token_accuracy:.0%})"
    return (
        f"The model begins to learn its samples by heart. After epoch {epoch:.3g} the evaluation loss was lowest, "
        f"{best.loss:.3f}; after epoch {now_epoch:.3g} it is {now.loss:.3f}, while the training loss went from "
        f"{best.train_loss:.3f} to {now.train_loss:.3f}. {recall}. Stop at epoch {epoch:.3g}: set num_epochs: "
        f"{epoch:.3g}, or load_best_model_at_end: true, or add samples."
    )


def _train_loss_fell(best: Point, now: Point) -> bool:
    return best.train_loss is not None and now.train_loss is not None and now.train_loss < best.train_loss


def _more_right(best: Point, now: Point) -> bool:
    if best.token_accuracy is None or now.token_accuracy is None:
        return False
    return 1 - now.token_accuracy < _FEWER_WRONG * (1 - best.token_accuracy)
