"""The rows of a Parquet file as samples."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any

import msgspec

from lintune_schemas.errors import LintuneError
from lintune_server.conversion.items import Item, Left, Taken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_ROWS = 256
"""Read at once: of long samples that is some megabytes."""


def read(path: Path, progress: Callable[[int, int], None]) -> Iterator[Item]:
    """Every row. progress: told the rows that are done, and all. Raises LintuneError."""
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        raise LintuneError("Parquet files are read with pyarrow, which is not installed: pip install pyarrow") from None
    try:
        with parquet.ParquetFile(path) as file:
            total, done = file.metadata.num_rows, 0
            for batch in file.iter_batches(batch_size=_ROWS):
                for row in batch.to_pylist():
                    done += 1
                    yield _item(row, done)
                progress(done, total)
    except (arrow.ArrowException, OSError) as error:
        raise LintuneError(f"{path} is no sound Parquet file: {error}.") from error


def _item(row: dict[str, Any], number: int) -> Item:
    place = f"row {number}"
    try:
        return Taken(place, msgspec.json.encode(_plain(row)).decode())
    except ValueError as error:
        return Left(place, str(error))


def _plain(value: Any) -> Any:
    """As JSON has it. Raises ValueError for what JSON does not have."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            if not isfinite(value):
                raise ValueError(f"it holds the number {value}, which JSON does not have")
            return value
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case bytes():
            raise ValueError("it holds bytes, which JSON does not have")
        case Decimal():
            return msgspec.Raw(str(value).encode()) if value.is_finite() else _plain(float(value))
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
    return str(value)
