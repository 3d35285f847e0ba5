"""Which format a file is in, from its first lines and from the recipe that lists it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import orjson

from lintune_schemas import layouts
from lintune_server.lint.lines import BLANK, BOM
from lintune_server.lint.sample import Surroundings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from lintune_schemas.samples import Sample
    from lintune_server.lint.context import Context


def surroundings_of(lines: Iterable[str], path: Path, context: Context) -> Surroundings:
    """What the rules may know of a file. lines: its first ones; some may be blank, or hold no sample."""
    filled = (line for line in lines if line.strip(BLANK))
    entry = None
    if context.recipe is not None and context.recipe_path is not None:
        entry = context.recipe.entry_of(path, context.recipe_path.parent)
    found = layouts.of_file(_samples(islice(filled, layouts.LOOKED_AT)), entry)
    return Surroundings(found.layout, context.recipe, context.tokenizer, found.unmet)


def _samples(lines: Iterable[str]) -> Iterator[Sample]:
    for line in lines:
        try:
            value = orjson.loads(line.removeprefix(BOM))
        except (orjson.JSONDecodeError, UnicodeEncodeError):
            continue
        if isinstance(value, dict):
            yield value
