"""A data set as the rules see it that compare samples: a column for each fact that is kept of every sample.

Of a large file nothing but such facts stays in memory; a sample itself is read again where a rule asks for it.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from lintune_server.lint.sample import Line, Surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Fact:
    """What is kept of a sample, and how it is found. Make one with `fact`."""

    name: str
    of: Callable[[Line], Any]
    typecode: str | None
    width: int
    many: Callable[[Sequence[Line]], Sequence[Any]] | None = None
    """What `of` gives for each of many lines, found faster."""
    prepare: Callable[[], object] | None = None
    """Makes what it needs for many lines, once for all processes."""

    def empty(self) -> Any:
        return [] if self.typecode is None else array(self.typecode)

    def add(self, column: Any, values: Iterable[Any]) -> None:
        """Append what is kept of some samples to a column."""
        if self.width == 1:
            column.extend(values)
        else:
            for value in values:
                column.extend(value)


def fact(
    typecode: str | None = None,
    width: int = 1,
    many: Callable[[Sequence[Line]], Sequence[Any]] | None = None,
    prepare: Callable[[], object] | None = None,
) -> Callable[[Callable[[Line], Any]], Fact]:
    """Make a fact of a function of a sample's line (`line.sample` is never None).

    typecode: of `array.array`, for numbers, which then take few bytes ("Q" for 64-bit hashes, where 0 may stand for
    nothing); without, a string, number, bool, bytes or None (no list or tuple). width: how many numbers there are of
    each sample; the function then gives a sequence of that many. many: gives the same for each of many lines.
    prepare: makes what it needs for many lines.
    """
    return lambda of: Fact(f"{of.__module__}.{of.__qualname__}", of, typecode, width, many, prepare)


@dataclass(slots=True)
class DataSet:
    """The samples of one file: every line that holds a JSON object."""

    path: Path
    surroundings: Surroundings = field(default_factory=Surroundings)
    lines: array[int] = field(default_factory=lambda: array("Q"))
    """The 0-based line of each sample."""
    columns: dict[str, Any] = field(default_factory=dict)
    """By the fact's name; see `column`."""
    text_of: Callable[[int], str] = lambda _: ""
    """The text of a line, by its number."""
    training: Sequence[DataSet] = ()
    """All files of the recipe that are trained on, this one among them if it is one; without a recipe only this one."""
    evaluation: Sequence[DataSet] = ()
    """All files of the recipe that are evaluated with."""
    trained_on: bool = False
    """Whether the recipe lists this one among its `datasets`."""
    evaluated_with: bool = False
    """Whether the recipe lists this one among its `test_datasets`."""
    key: bytes = b""
    """The cache's, of all that is known here; empty when it is not known."""
    unused: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """By index of the sample, the codes it wants ignored that no rule found there. Known only to the rule about it."""
    _found: dict[Callable[[DataSet], Any], Any] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.lines)

    def column(self, fact_: Fact) -> Any:
        """The fact about each sample, in their order; with a width, that many numbers a sample, one after the other."""
        return self.columns[fact_.name]

    def once(self, find: Callable[[DataSet], _Found]) -> _Found:
        """What `find` finds in this data set, which is looked for once, however many rules ask."""
        if find not in self._found:
            self._found[find] = find(self)
        return cast("_Found", self._found[find])

    def line(self, index: int) -> Line:
        """Sample `index`, read again."""
        return Line(self.text_of(self.lines[index]), self.surroundings)
