"""What a file is that is to be converted, and its samples as a stream."""

from __future__ import annotations

import gzip
import io
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from lintune_schemas.errors import LintuneError
from lintune_server.conversion import json_objects, parquet, tables
from lintune_server.conversion.items import Left
from lintune_server.lint.lines import BOM
from lintune_server.lint.shape import HEAD_BYTES, Head
from lintune_server.rules.json_lines import encodings, file_kinds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lintune_server.conversion.items import Item
    from lintune_server.conversion.tables import Dialect

_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
_TABLE_SUFFIXES = (".csv", ".tsv", ".tab")
_REPORTED = 1 << 10
"""Samples between two reports of progress."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file that can be converted."""

    path: Path
    what: str
    """As in `a CSV file, Windows-1252`."""
    packed: bool
    encoding: str | None = None
    """None for Parquet."""
    dialect: Dialect | None = None
    """Of a table."""

    def items(self, progress: Callable[[int, int], None] = lambda *_: None) -> Iterator[Item]:
        """Its samples, and what is none. progress: told what is done, and all. Raises LintuneError or OSError."""
        if self.encoding is None:
            yield from parquet.read(self.path, progress)
            return
        size = self.path.stat().st_size
        with (
            self.path.open("rb") as raw,
            io.TextIOWrapper(_unpacked(raw, self.packed), self.encoding, "surrogateescape", newline="") as stream,
        ):
            items = json_objects.read(stream) if self.dialect is None else tables.read(stream, self.dialect)
            count = 0
            try:
                for item in items:
                    yield item
                    count += 1
                    if count % _REPORTED == 0:
                        progress(raw.tell(), size)
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                yield Left(f"sample {count + 1}", f"the gzip archive is broken from here on: {error}")
            except UnicodeDecodeError as error:
                raise LintuneError(
                    f"{self.path} is not written in {self.encoding} throughout: {error.reason}."
                ) from error


def _unpacked(raw: IO[bytes], packed: bool) -> IO[bytes]:
    return io.BufferedReader(gzip.GzipFile(fileobj=raw), 1 << 20) if packed else raw


def find_out(path: Path, encoding: str | None = None, delimiter: str | None = None) -> Source:
    """What a file is. encoding, delimiter: when they are known. Raises LintuneError for what cannot be converted."""
    if path.is_dir():
        raise LintuneError(f"{path} is a folder. Give the file that is to be converted.")
    if not path.exists():
        raise LintuneError(f"There is no {path}.")
    if not path.is_file():
        raise LintuneError(f"{path} is no file on disk: a device or a pipe cannot be converted.")
    with path.open("rb") as raw:
        packed = raw.read(2) == _GZIP
        raw.seek(0)
        try:
            data = _unpacked(raw, packed).read(HEAD_BYTES)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise LintuneError(f"{path} is a gzip archive that is broken at its beginning: {error}.") from error
    whole = len(data) < HEAD_BYTES
    if data.startswith(_PARQUET):
        if packed:
            raise LintuneError(f"{path} is a Parquet file in a gzip archive: unpack it first, gunzip does.")
        return Source(path, "a Parquet file", packed)
    codec = encoding or _codec(path, data)
    text = data.decode(codec, "replace")
    if not text.strip(f"{BOM} \t\r\n"):
        raise LintuneError(f"{path} is empty: there is nothing to convert.")
    name = "" if codec == "utf-8" else f", {encodings.NAMES.get(codec, codec)}"
    if delimiter is None and text.lstrip(f"{BOM} \t\r\n").startswith(("{", "[")):
        return Source(path, f"JSON{name}", packed, codec)
    dialect = _dialect(path, text, delimiter, whole)
    what = "a TSV file" if dialect.delimiter == "\t" else "a CSV file"
    return Source(path, f"{what}{name}", packed, codec, dialect)


def _codec(path: Path, data: bytes) -> str:
    wide = encodings.wide(data)
    if wide is not None:
        return wide
    try:
        io.TextIOWrapper(io.BytesIO(data), "utf-8", newline="").read(len(data) - 4)  # the last character may be cut
    except UnicodeDecodeError:
        kind = file_kinds.kind_of(Head(len(data), data, lambda: data))
        if kind is not None and not kind.text:
            raise LintuneError(f"{path} cannot be converted: {kind.what}. {kind.advice}") from None
        guessed = encodings.guess(data)
        if guessed is None:
            raise LintuneError(
                f"{path} is no UTF-8, and its encoding cannot be told: give it with --encoding."
            ) from None
        return guessed
    return "utf-8"


def _dialect(path: Path, text: str, delimiter: str | None, whole: bool) -> Dialect:
    kind = file_kinds.kind_of(Head.of(text))
    if kind is not None and not kind.text:
        raise LintuneError(f"{path} cannot be converted: {kind.what}. {kind.advice}")
    suffixes = {suffix.lower() for suffix in path.suffixes[-2:]}
    looks_like_one = not suffixes.isdisjoint(_TABLE_SUFFIXES)
    if not whole:
        text = text[: text.rfind("\n") + 1]
    dialect = tables.dialect_of(text, delimiter, is_table=looks_like_one)
    if dialect is None or not (delimiter or looks_like_one or (kind is not None and kind.convertible)):
        raise LintuneError(
            f"{path} is neither JSON nor a table nor a Parquet file. Is it a table? Then give its --delimiter."
        )
    return dialect
