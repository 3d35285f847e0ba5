"""Everything that could be written at the cursor of a sample: keys of its format, roles, tools, codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from lintune_schemas.samples import IGNORE_KEY, LAYOUTS
from lintune_server.language_server.datasets import cursor as cursors
from lintune_server.language_server.datasets import keys, nested, skeletons, values
from lintune_server.language_server.datasets.place import Place
from lintune_server.language_server.datasets.reader import LONGEST, Reader
from lintune_server.language_server.recipes.candidate import Candidate, Sort

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.samples import Layout
    from lintune_server.language_server.datasets.cursor import Cursor


def complete(reader: Reader, line: str, column: int) -> tuple[tuple[int, int], list[Candidate]] | None:
    """What fits at a column, best first, and the columns that it replaces; None where nothing fits."""
    if not line.strip():
        return (column, column), list(_samples(reader.layout))
    if len(line) > LONGEST:
        return None
    cursor = cursors.find(line, column)
    place, columns = _place(reader, cursor), (cursor.start + cursor.quoted, cursor.end)
    inside = nested.look_into(place, line)
    if inside is not None:
        place, columns = inside
    if place.cursor.lacks_mark and place.cursor.nothing_there:
        return None  # behind a value, before its comma; behind a key, before its colon
    found = sorted(_fitting(place), key=lambda one: one.rank)
    if inside is not None:
        found = [nested.escaped(one) for one in found]
    return (columns, found) if found else None


def _samples(layout: Layout | None) -> Iterator[Candidate]:
    """Whole samples, of the file's format when it has one."""
    for one in LAYOUTS.values() if layout is None else (layout,):
        text, stop = skeletons.written(skeletons.sample(one))
        yield Candidate(f"{{}} {one.format.value}", Sort.SECTION, text, "a whole sample", stop=stop)


def _place(reader: Reader, cursor: Cursor) -> Place:
    line = reader.line(_written(cursor.sample))
    return Place(cursor, line, line.layout or reader.layout, reader)


def _fitting(place: Place) -> Iterator[Candidate]:
    if place.cursor.is_key:
        yield from keys.candidates(place)
    elif place.cursor.path[:1] == (IGNORE_KEY,):
        yield from values.rules(place.cursor)
    elif place.layout is not None:
        yield from values.candidates(place)


def _written(sample: object) -> str:
    try:
        return orjson.dumps(sample).decode()
    except TypeError:  # half a surrogate pair, or nested too deep
        return ""
