"""What a file is that is no JSON Lines, by its first bytes, and what to do with it."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from lintune_server.lint.shape import Head


class FileKind(NamedTuple):
    what: str
    """A clause."""
    advice: str
    text: bool = False
    """Whether it is text that may be a table."""
    convertible: bool = False
    """Whether `lintune convert` makes JSON Lines of it."""


def _rows(reader: str) -> str:
    return f'Write its rows as JSON Lines: {reader}.to_json(…, orient="records", lines=True) of pandas does.'


_CONVERT = "Write its rows as JSON Lines: lintune convert does."
_UNPACK = "Unpack it."
_MAGIC = (
    (b"PAR1", FileKind("it is a Parquet file", _CONVERT, convertible=True)),
    (b"ARROW1", FileKind("it is an Arrow file", _rows("read_feather(…)"))),
    (b"Obj\x01", FileKind("it is an Avro file", "Write its records as JSON Lines.")),
    (
        b"\x1f\x8b",
        FileKind("it is a gzip archive", f"{_UNPACK} gunzip does, and so does lintune convert.", convertible=True),
    ),
    (b"PK\x03\x04", FileKind("it is a zip archive, or a spreadsheet", f"{_UNPACK} Save a spreadsheet as CSV first.")),
    (b"\x28\xb5\x2f\xfd", FileKind("it is a Zstandard archive", f"{_UNPACK} unzstd does.")),
    (b"BZh91AY&SY", FileKind("it is a bzip2 archive", f"{_UNPACK} bunzip2 does.")),
    (b"\xfd7zXZ\x00", FileKind("it is an xz archive", f"{_UNPACK} unxz does.")),
    (b"7z\xbc\xaf\x27\x1c", FileKind("it is a 7z archive", _UNPACK)),
    (b"SQLite format 3\x00", FileKind("it is an SQLite database", _rows("read_sql(…)"))),
    (b"%PDF-", FileKind("it is a PDF document", "A data set is text: one JSON object a line.")),
    (b"\x89HDF\r\n", FileKind("it is an HDF5 file", _rows("read_hdf(…)"))),
    (b"GGUF", FileKind("it is a GGUF model", "Name the data set, not the model.")),
    (
        b"version https://git-lfs",
        FileKind("it is a pointer of Git LFS, not the data", "Fetch the data: git lfs pull."),
    ),
)
_PAGES = (b"<!doctype html", b"<html")
_CONTROLS = bytes({*range(32), 127} - {*b"\t\n\r\f\v"})
_LOOKED_AT = 4096
_DELIMITERS = {",": "CSV", "\t": "TSV", ";": "CSV", "|": "CSV"}
_FEW_LINES = 3
"""Fewer say too little about a file: each is reported by itself."""
_BEGINNINGS = ("{", "[", '"', "'", "“", "//", "/*", "#", "}", "]")


def kind_of(head: Head) -> FileKind | None:
    """What the file is; None for what may be JSON."""
    data = head.data
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    if data[:1] == b"\x80" and data[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05") and b"\n" not in data[:2]:
        return FileKind("it is a Python pickle", "Write its objects as JSON Lines, if you trust who made it.")
    if data[257:262] == b"ustar":
        return FileKind("it is a tar archive", f"{_UNPACK} tar -xf does.")
    beginning = data[:_LOOKED_AT].lstrip()
    if beginning.lower().startswith(_PAGES):
        return FileKind("it is a web page", "A download may have failed, or asked for a login: fetch the file again.")
    if beginning.startswith(b"<?xml"):
        return FileKind("it is an XML file", "Write its records as JSON Lines.")
    if not beginning.startswith((b"{", b"[")):
        controls = len(beginning) - len(beginning.translate(None, _CONTROLS))
        if controls * 20 > len(beginning):
            empty = not beginning.strip(b"\0")
            return FileKind(
                "it holds nothing but NUL bytes" if empty else "it is binary",
                "A data set is text: one JSON object a line.",
            )
    return _kind_of_text(head)


def _kind_of_text(head: Head) -> FileKind | None:
    text = head.data[: 1 << 16].decode("utf-8", "replace")
    lines = [line for line in text.splitlines() if line.strip()][:100]
    if not lines or any(line.lstrip("\ufeff \t").startswith(_BEGINNINGS) for line in lines):
        return _table(lines) if lines and not lines[0].lstrip("\ufeff \t").startswith(("{", "[")) else None
    if len(lines) < _FEW_LINES:
        return _table(lines)
    nothing = FileKind("no line of it begins with “{”", "A data set has a JSON object on each line.", text=True)
    return _table(lines) or nothing


def _table(lines: list[str]) -> FileKind | None:
    """A table with a header, when the first rows have as many cells as that."""
    for delimiter, name in _DELIMITERS.items():
        try:
            rows = list(csv.reader(lines[:20], delimiter=delimiter))
        except csv.Error:
            continue
        columns = [cell.strip("\ufeff ") for cell in rows[0]]
        if len(columns) < 2 or not all(_is_name(column) for column in columns):
            continue
        if len(rows) > 1 and all(len(row) == len(columns) for row in rows[1:3]):
            shown = ", ".join(columns)
            shown = shown if len(shown) <= 60 else f"{shown[:59]}…"
            return FileKind(f"it is a {name} file, with the columns {shown}", _CONVERT, text=True, convertible=True)
    return None


def _is_name(cell: str) -> bool:
    return 0 < len(cell) <= 40 and cell.replace("_", "").replace(" ", "").replace("-", "").isalnum()
