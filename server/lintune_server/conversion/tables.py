"""The rows of a CSV or TSV file as samples: the header has the keys, and every cell is a text."""

from __future__ import annotations

import ast
import csv
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from lintune_schemas import layouts
from lintune_schemas.errors import LintuneError
from lintune_schemas.samples import Kind
from lintune_server.conversion.items import Item, Left, Taken
from lintune_server.lint.lines import BOM
from lintune_server.lint.pieces import LONGEST_LINE
from lintune_server.lint.words import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lintune_schemas.samples import Field

DELIMITERS = (",", "\t", ";", "|")
_LOOKED_AT = 200
"""Rows that the dialect is found by."""
_ALIKE = 0.9
"""Share of them that have as many cells as the header, in what is not known to be a table."""


@dataclass(frozen=True, slots=True)
class Dialect:
    delimiter: str
    backslash: bool = False
    """Whether a quote within a quoted cell is written `\\"`, as Spark and MySQL do, not `""`."""

    def rows(self, lines: Iterable[str]) -> Iterator[list[str]]:
        if self.backslash:
            lines = (line.replace('\\"', '""') for line in lines)
        return csv.reader(lines, delimiter=self.delimiter, strict=True)


def dialect_of(text: str, delimiter: str | None = None, *, is_table: bool = False) -> Dialect | None:
    """How a table is written, by its beginning; None when it looks like no table.

    delimiter: when it is known. is_table: whether it is a
    table all the same, with one column if need be.
    """
    best: tuple[float, Dialect] | None = None
    for candidate in [delimiter] if delimiter else DELIMITERS:
        for dialect in (Dialect(candidate), Dialect(candidate, backslash=True)):
            width, share = _fit(text, dialect)
            if width > 1 and (best is None or share > best[0]):
                best = (share, dialect)
    if best is not None and best[0] >= (0 if is_table or delimiter else _ALIKE):
        return best[1]
    return Dialect(delimiter or DELIMITERS[0]) if is_table or delimiter else None


def _fit(text: str, dialect: Dialect) -> tuple[int, float]:
    """The header's cells, and the share of the rows that have as many."""
    lines = text.removeprefix(BOM).splitlines(keepends=True)
    rows = dialect.rows(lines)
    widths: list[int] = []
    while len(widths) < _LOOKED_AT:
        try:
            row = next(rows)
        except StopIteration:
            break
        except csv.Error as error:
            if "unexpected end" in str(error):  # the text is cut there
                break
            widths.append(-1)
        else:
            if row:
                widths.append(len(row))
    if not widths:
        return 0, 0.0
    others = widths[1:]
    return widths[0], sum(width == widths[0] for width in others) / len(others) if others else 1.0


def read(stream: TextIO, dialect: Dialect) -> Iterator[Item]:
    """Every row but the header and blank ones. Raises LintuneError when the header cannot be that of samples."""
    csv.field_size_limit(LONGEST_LINE)
    lines = _Lines(stream)
    rows = dialect.rows(lines)
    try:
        header = next((row for row in rows if row), [])
    except csv.Error as error:
        raise LintuneError(f"The header on line {lines.number} is broken: {_why(error)}.") from error
    columns = _columns(header)
    nested = _nested(columns)
    while True:
        start = lines.number + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield Left(str(start), _why(error) + _upto(start, lines.number))
            continue
        if row:
            yield _item(row, str(start), columns, nested)


class _Lines:
    """The lines of a table, with their number."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.number = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._stream.readline(LONGEST_LINE)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) == LONGEST_LINE:
            raise LintuneError(f"Line {self.number:,} is longer than {LONGEST_LINE >> 20} MB: that is no table.")
        return line.removeprefix(BOM) if self.number == 1 else line


def _columns(header: list[str]) -> list[str]:
    """The names of the columns; one without gets the name of its place, as `column_1`."""
    columns = [name.strip() or f"column_{number}" for number, name in enumerate(header, 1)]
    if not columns:
        raise LintuneError("There is no header: a table names its columns on its first line.")
    twice = [name for name, count in Counter(columns).items() if count > 1]
    if twice:
        raise LintuneError(f"More than one column is called {listed(twice)}: give each a name of its own.")
    return columns


def _nested(columns: list[str]) -> dict[str, Field]:
    """The columns whose cells are lists in the samples' format, which a table has as a text."""
    layout = layouts.detect(dict.fromkeys(columns, ""))
    fields = layout.fields if layout else ()
    return {one.key: one for one in fields if one.kind in (Kind.MESSAGES, Kind.SEGMENTS, Kind.TEXT_OR_MESSAGES)}


def _item(row: list[str], place: str, columns: list[str], nested: dict[str, Field]) -> Item:
    if len(row) != len(columns):
        cells = f"{len(row):,} cell{'' if len(row) == 1 else 's'}"
        return Left(place, f"the row has {cells}, and the header {len(columns):,}")
    parts = []
    for name, cell in zip(columns, row, strict=True):
        text = json.dumps(cell, ensure_ascii=False)
        if name in nested and cell.lstrip().startswith("["):
            found = _list(cell)
            if found is None and not nested[name].kind.holds_text:
                return Left(place, f"the cell under “{name}” should be a list, and is no JSON")
            text = found or text
        parts.append(f"{json.dumps(name, ensure_ascii=False)}: {text}")
    return Taken(place, f"{{{', '.join(parts)}}}")


def _list(cell: str) -> str | None:
    """The JSON of a cell that holds a list of objects as JSON, or as Python writes it (pandas does)."""
    try:
        value, text = json.loads(cell), " ".join(cell.splitlines())
    except (ValueError, RecursionError):
        try:
            value = ast.literal_eval(cell.strip())
            text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return None
    return text if isinstance(value, list) and all(isinstance(one, dict) for one in value) else None


def _why(error: csv.Error) -> str:
    said = str(error)
    if "unexpected end" in said:
        return "a quote is opened that is never closed"
    if "limit" in said:
        return f"a cell is longer than {LONGEST_LINE >> 20} MB: perhaps a quote is never closed"
    if "expected after" in said:
        return 'something follows the quote that closes a cell: a quote within a cell is written ""'
    return f"the row is broken ({said})"


def _upto(start: int, end: int) -> str:
    return f" (up to line {end:,})" if end > start else ""
