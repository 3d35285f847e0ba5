"""Everything that could be written at the cursor of a recipe."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lintune_server.language_server.recipes import cursor as cursors
from lintune_server.language_server.recipes import keys, values

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lintune_server.language_server.recipes.candidate import Candidate
    from lintune_server.language_server.recipes.cursor import Cursor


def complete(
    lines: Sequence[str], line: int, column: int, folder: Path | None
) -> tuple[Cursor, list[Candidate]] | None:
    """What fits at a position, best first, and what of the line it replaces; None where nothing fits.

    folder: of the recipe, where its paths begin; None for one that is no file yet. Looks into folders and models.
    """
    found = cursors.find(lines, line, column)
    if found is None:
        return None
    typed = lines[line][found.start : column]
    fitting = (one for one in _all(lines, found, typed, folder) if _is_meant(typed.lower(), one.label.lower()))
    return found, sorted(fitting, key=lambda one: one.rank)


def _all(lines: Sequence[str], cursor: Cursor, typed: str, folder: Path | None) -> Iterator[Candidate]:
    if cursor.key and not cursor.quote:
        yield from keys.candidates(cursor)
    if cursor.value:
        yield from values.candidates(lines, cursor, typed, folder)
    if cursor.item and not cursor.quote:
        of_items = [*keys.of_items(cursor), *values.of_items(lines, cursor, typed, folder)]
        yield from (replace(one, text=f"- {one.inserted}", stop=one.stop and one.stop + 2) for one in of_items)


def _is_meant(typed: str, label: str) -> bool:
    """Whether what is typed has the letters of a candidate in their order, as editors compare them."""
    letters = iter(label)
    return all(letter in letters for letter in typed)
