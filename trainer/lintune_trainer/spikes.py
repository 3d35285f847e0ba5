"""Whether a step's loss is out of line, and whether training has diverged."""

from __future__ import annotations

import math
from enum import Enum
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_LOOK_BACK = 50
"""Steps whose losses say what is usual. Where the loss falls, their spread is wide, which errs to the safe side."""

_ENOUGH = 16
"""Losses, fewer of which say nothing of a spread."""

_SPREADS = 5.0
"""Robust standard deviations above the median, of the logarithms: losses of small batches are spread by factors. With
one sample a batch, real commands and solutions were never more than 3 above. Labels of one token were, up to 8: for
them there are the other two limits."""

_NATS = 2.0
"""And by how much at the least: each token seven times less likely. Late in a run, when losses are 0.01, one wrong
answer is hundreds of spreads above them, and no cause for concern."""

_BEYOND = 1.25
"""And how many times the highest of the losses looked back on: what has been there before is usual. So many times the
highest before training is out of line, however wide the spread is: it is what a model says that knows less than before.
The highest but one, that is: an odd sample may be among them."""

_STAYS = 20
"""Steps in which a loss that shot up may come back, as it does when a learning rate warms up."""

_MOSTLY = 0.9
"""The share of those steps with a loss out of line, from which on it does not."""

_OF_SIGMA = 1.4826
"""A normal distribution's standard deviation, in median absolute deviations."""

_SMALLEST = 1e-6
"""Nats, less than which are none: they have a logarithm."""


class Verdict(Enum):
    USUAL = "usual"
    SPIKE = "spike"
    """This step is the first one out of line."""
    DIVERGED = "diverged"
    """The loss has shot up at the last spike and has not come back."""


class Spikes:
    """Looks at one loss after the other.

    start: losses of training samples before the first step; a run that diverges at once has no others to compare with.
    """

    def __init__(self, start: Sequence[float] = ()) -> None:
        self.usual = list(start)
        """The last losses that are in line."""
        self._high_at_start = _high(start)
        self._since: list[float] = []
        """Those from a spike on, until the loss has come back."""

    @property
    def level(self) -> float:
        """What is usual, in nats a token."""
        return median(self.usual)

    @property
    def limit(self) -> float:
        """What is out of line, in nats a token."""
        logarithms = [math.log(max(loss, _SMALLEST)) for loss in self.usual]
        middle = median(logarithms)
        spread = _OF_SIGMA * median(abs(each - middle) for each in logarithms)
        by_spread = min(math.exp(middle + _SPREADS * spread), _BEYOND * self._high_at_start)
        return max(by_spread, self.level + _NATS, _BEYOND * _high(self.usual))

    def see(self, loss: float) -> Verdict:
        """Judge the next step's loss."""
        if self._since:
            return self._go_on(loss)
        if len(self.usual) >= _ENOUGH and loss > self.limit:
            self._since = [loss]
            return Verdict.SPIKE
        self.usual = [*self.usual, loss][-_LOOK_BACK:]
        return Verdict.USUAL

    def _go_on(self, loss: float) -> Verdict:
        self._since.append(loss)
        back = sum(each <= self.limit for each in self._since)
        if back > (1 - _MOSTLY) * _STAYS:
            self.usual = [*self.usual, *self._since[1:]][-_LOOK_BACK:]
            self._since = []
        elif len(self._since) >= _STAYS:
            return Verdict.DIVERGED
        return Verdict.USUAL


def _high(losses: Sequence[float]) -> float:
    return sorted(losses)[-2] if len(losses) > 1 else math.inf
