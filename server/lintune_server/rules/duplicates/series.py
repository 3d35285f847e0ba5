"""The samples of several files in a row, so that each can be compared with all that come before it."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from lintune_server.lint.problems import Elsewhere

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_server.lint.data_set import DataSet, Fact
    from lintune_server.lint.sample import Line


@dataclass(frozen=True, slots=True)
class Series:
    """Files one after the other; the last is the one that is judged. A position counts samples from the first on."""

    files: tuple[DataSet, ...]
    starts: tuple[int, ...]
    """The position of each file's first sample."""

    @classmethod
    def of(cls, before: Sequence[DataSet], own: DataSet) -> Series:
        files = (*before, own)
        return cls(files, tuple(accumulate((len(one) for one in before), initial=0)))

    @property
    def own(self) -> int:
        """The position of the first sample of the file that is judged."""
        return self.starts[-1]

    @property
    def end(self) -> int:
        return self.own + len(self.files[-1])

    def column(self, fact: Fact, which: int | None = None) -> array[Any]:
        """A fact of every sample. which: of a fact of several numbers only this one."""
        columns = [one.column(fact) if which is None else one.column(fact)[which :: fact.width] for one in self.files]
        if len(columns) == 1:
            found: array[Any] = columns[0]
            return found
        whole = array(fact.typecode or "Q")
        for column in columns:
            whole.extend(column)
        return whole

    def line(self, position: int) -> Line:
        """The sample at a position, read again."""
        data, index = self._place(position)
        return data.line(index)

    def index(self, position: int) -> int:
        """Of a sample of the file that is judged, its index there."""
        return position - self.own

    def where(self, position: int) -> str:
        """`line 3`, or `line 3 of train.jsonl`."""
        data, index = self._place(position)
        line = f"line {data.lines[index] + 1}"
        return line if data is self.files[-1] else f"{line} of {data.path.name}"

    def elsewhere(self, position: int, message: str) -> Elsewhere:
        data, index = self._place(position)
        return Elsewhere(data.lines[index], message, None if data is self.files[-1] else data.path)

    def _place(self, position: int) -> tuple[DataSet, int]:
        at = bisect_right(self.starts, position) - 1
        return self.files[at], position - self.starts[at]


def before(data: DataSet) -> Series:
    """A file behind those that are trained on before it."""
    order = [other is data for other in data.training]
    earlier = data.training[: order.index(True)] if any(order) else ()
    return Series.of(earlier, data)
