"""Where samples stand, for people and for the editor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas import runs
from lintune_schemas.errors import LintuneError
from lintune_schemas.events import SamplePlace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from lintune_trainer.data import Sample

_SHOWN = 5


class SamplesError(LintuneError):
    """What is wrong and what to do, and the samples to look at."""

    def __init__(self, message: str, places: Sequence[SamplePlace]) -> None:
        super().__init__(message)
        self.places = list(places)


def places(samples: Iterable[Sample], recipe_folder: Path) -> list[SamplePlace]:
    """By file and line, each once."""
    found = {(runs.path_in_recipe(sample.path, recipe_folder), sample.line) for sample in samples}
    return [SamplePlace(path, line) for path, line in sorted(found)]


def named(found: Sequence[SamplePlace]) -> str:
    """`data/train.jsonl:3, data/train.jsonl:7 and 2 more`."""
    shown = ", ".join(f"{place.path}:{place.line}" for place in found[:_SHOWN])
    return f"{shown} and {len(found) - _SHOWN} more" if len(found) > _SHOWN else shown
