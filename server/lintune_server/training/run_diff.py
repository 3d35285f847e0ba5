"""What two runs differ in: the values of their recipes, their data sample by sample, and what came of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from lintune_schemas import recipe as recipes
from lintune_schemas import runs as run_files
from lintune_schemas.errors import LintuneError
from lintune_server.hardware.words import size, taken
from lintune_server.lint import scanning
from lintune_server.lint.comparing import compare
from lintune_server.lint.context import Context
from lintune_server.training.narration import duration, loss, share

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lintune_schemas.runs import LockedDataset
    from lintune_server.lint.data_set import DataSet
    from lintune_server.training.records import Record

_LINES = 5
"""How many lines of a data set are named."""


class Change(NamedTuple):
    """A value of the recipe; None where there is none."""

    key: str
    """With dots, as `lintune train --set` takes it."""
    a: Any
    b: Any


class SampleChanges(NamedTuple):
    """Lines count from 1: those of the removed ones in A, all others in B."""

    unchanged: int
    moved: int
    edited: list[int]
    added: list[int]
    removed: list[int]

    def named(self) -> Iterator[tuple[str, list[int], str]]:
        """What happened to samples, to which lines, and whose those are, where there are any."""
        found = (("edited", self.edited, ""), ("added", self.added, ""), ("removed", self.removed, " of A"))
        return (one for one in found if one[1])


@dataclass(frozen=True, slots=True)
class DataChange:
    """A data set in both runs, or in one."""

    use: str
    """`train` or `test`."""
    a: LockedDataset | None
    b: LockedDataset | None
    samples: SampleChanges | None
    """What became of each; None when that is not known, or there is nothing to compare."""
    problem: str | None = None
    """Why it is not known."""

    @property
    def same(self) -> bool:
        """Whether its samples are the same in both, but for white space and the order of keys."""
        return self.a is not None and self.b is not None and self.a.content_hash == self.b.content_hash


@dataclass(frozen=True)
class RunDiff:
    a: Record
    b: Record

    @cached_property
    def recipe(self) -> list[Change] | None:
        """The values that differ; None when a recipe cannot be read."""
        a, b = _values(self.a.folder), _values(self.b.folder)
        if a is None or b is None:
            return None
        keys = dict.fromkeys((*a, *b))
        return [Change(key, a.get(key), b.get(key)) for key in keys if a.get(key) != b.get(key)]

    @cached_property
    def data(self) -> list[DataChange] | None:
        """Each data set of either; None when what one read is not known."""
        a, b = self.a.lock, self.b.lock
        if a is None or b is None:
            return None
        return [*self._changes("train", a.train, b.train), *self._changes("test", a.test, b.test)]

    def _changes(self, use: str, a: list[LockedDataset], b: list[LockedDataset]) -> Iterator[DataChange]:
        left = list(a)
        for new in b:
            old = next((each for each in left if each.path == new.path), None)
            old = old or next((each for each in left if each.content_hash == new.content_hash), None)
            if old is None:
                yield DataChange(use, None, new, None)
                continue
            left.remove(old)
            if old.content_hash == new.content_hash:
                yield DataChange(use, old, new, None)
                continue
            try:
                yield DataChange(use, old, new, _samples(_data(self.a, old), _data(self.b, new)))
            except LintuneError as error:
                yield DataChange(use, old, new, None, str(error))
        for old in left:
            yield DataChange(use, old, None, None)


def _values(folder: Path) -> dict[str, Any] | None:
    """Every value of a run's recipe by its key; those that an older Lintune did not write are what they are by
    default."""
    try:
        values = recipes.parse(folder / run_files.RECIPE_LOCK)
    except LintuneError:
        return None
    understood = recipes.lenient(values)
    defaults = recipes.to_mapping(understood) if understood else {}
    return dict(_flat({**defaults, **values}, defaults))


def _flat(values: dict[str, Any], defaults: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        known = defaults.get(key) if isinstance(defaults, dict) else None
        if isinstance(value, dict) and value:
            yield from _flat({**known, **value} if isinstance(known, dict) else value, known, f"{prefix}{key}.")
        elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
            for number, item in enumerate(value):
                yield from _flat({str(number): item}, None, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _data(record: Record, locked: LockedDataset) -> DataSet:
    """A data set as a run read it. Raises LintuneError."""
    if locked.snapshot is None:
        raise LintuneError(f"{record.name} kept no copy of it, so its samples cannot be compared.")
    copy = run_files.snapshots_folder(record.recipe_folder) / locked.snapshot
    if not copy.is_file():
        raise LintuneError(f"The copy of it that {record.name} kept is gone, so its samples cannot be compared.")
    values = recipes.parse(record.folder / run_files.RECIPE_LOCK)
    recipe = record.recipe_folder / (record.recipe or recipes.RECIPE_NAMES[0])
    scan = scanning.scan(record.recipe_folder / locked.path, Context(recipe, recipes.lenient(values)), copy)
    if scan.not_json_lines:
        raise LintuneError(f"The copy of it that {record.name} kept is damaged, so its samples cannot be compared.")
    return scan.data


def _samples(a: DataSet, b: DataSet) -> SampleChanges:
    found = compare(a, b)
    return SampleChanges(
        len(found.same),
        found.moved,
        [b.lines[pair.new] + 1 for pair in found.edited],
        [b.lines[index] + 1 for index in found.added],
        [a.lines[index] + 1 for index in found.removed],
    )


def figures(a: Record, b: Record) -> Iterator[tuple[str, str, str]]:
    """What came of both, in words: a name, that of A, that of B; `-` for what one has not."""
    for name, one, two in zip(_NAMES, _of(a), _of(b), strict=True):
        if one != "-" or two != "-":
            yield name, one, two


def value_text(value: Any) -> str:
    """A value of a recipe, as a person reads it."""
    return "-" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def places(lines: Sequence[int]) -> str:
    """`lines 3, 5, 8, 9, 12 and 40 more`."""
    more = f" and {len(lines) - _LINES:,} more" if len(lines) > _LINES else ""
    return f"{'line' if len(lines) == 1 else 'lines'} {', '.join(f'{line:,}' for line in lines[:_LINES])}{more}"


_NAMES = (
    "loss of the base model",
    "best evaluation loss",
    "final evaluation loss",
    "token accuracy",
    "exact match",
    "steps",
    "took",
    "tokens a second",
    "memory at the most",
    "on",
    "engine",
    "warm start from",
    "size on disk",
)


def _of(record: Record) -> tuple[str, ...]:
    found, started = record.history, record.history.started
    final = found.final
    return (
        loss(found.baseline.eval_loss if found.baseline else None),
        f"{loss(found.best.eval_loss)} at step {found.best.step:,}" if found.best else "-",
        loss(final.eval_loss if final else None),
        share(final.token_accuracy if final else None),
        share(final.exact_match if final else None),
        f"{found.step:,} of {started.total_steps:,}" if started else "-",
        duration(found.seconds),
        f"{found.progress[-1].tokens_per_second:,.0f}" if found.progress else "-",
        size(found.memory_bytes) if found.memory_bytes else "-",
        started.device if started else "-",
        started.backend if started else "-",
        started.warm_start.run if started and started.warm_start else "-",
        taken(record.size),
    )
