"""A data set in two: the samples without errors as they are, and the others with what is wrong with them."""

from __future__ import annotations

import codecs
import json
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, BinaryIO

import orjson

from lintune_schemas import atomic
from lintune_schemas.errors import LintuneError
from lintune_server.lint.findings import Severity
from lintune_server.lint.lines import BLANK, without_end
from lintune_server.lint.pieces import LONGEST_LINE

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_server.lint.checking import Checked
    from lintune_server.lint.findings import Finding
    from lintune_server.lint.scanning import DiskLines


@dataclass(frozen=True, slots=True)
class Copied:
    clean: int
    rejected: int
    rejects: Path
    """Where the others are."""


def rejects_of(target: Path) -> Path:
    return target.with_name(f"{target.stem}.rejected.jsonl")


def write(checked: Checked, target: Path) -> Copied:
    """Write the samples without errors to `target`, byte by byte, and the others to `rejects_of(target)`.

    Each line of the latter is an object: `line` (from 1), `findings` (all of that line, with code, name, severity,
    message), and `sample`, which is the sample as it stands, or, of what is no JSON, `text` (bytes that are no UTF-8 as
    the escapes `\\udc80` to `\\udcff`). Both files are there once they are whole. Raises LintuneError, also when one
    of the two is the data set itself.
    """
    rejects = rejects_of(target)
    for path in (target, rejects):
        if path.exists() and path.samefile(checked.path):
            raise LintuneError(f"{path} is the data set itself. Name another file.")
    if checked.scan is None or checked.scan.not_json_lines:
        raise LintuneError(f"{checked.path} is no JSON Lines file, so there are no samples in it to write.")
    try:
        with (
            atomic.new_file(target) as clean_partial,
            atomic.new_file(rejects) as rejects_partial,
            clean_partial.open("wb") as clean,
            rejects_partial.open("wb") as rejected,
        ):
            counts = _split(checked, clean, rejected)
    except OSError as error:
        raise LintuneError(f"{target} could not be written: {error.strerror or error}.") from error
    return Copied(*counts, rejects)


def _split(checked: Checked, clean: BinaryIO, rejected: BinaryIO) -> tuple[int, int]:
    """How many samples went into each."""
    assert checked.scan is not None
    lines, shape = checked.lines, checked.scan.part.shape
    at = left = 0
    of_samples = (finding for finding in checked.findings if not finding.whole_file)
    for number, group in groupby(of_samples, lambda finding: finding.range.start.line):
        findings = list(group)
        if not any(finding.severity is Severity.ERROR for finding in findings):
            continue
        start, end = lines.bytes_of(number)
        for block in lines.read(at, start):
            clean.write(block)
        _reject(lines, number, findings, rejected)
        at = end
        left += 1
    for block in lines.read(at, lines.size):
        clean.write(block)
    filled = shape.lines - len(shape.blank) - (not shape.last.strip(BLANK))
    return filled - left, left


def _reject(lines: DiskLines, number: int, findings: list[Finding], out: BinaryIO) -> None:
    record: dict[str, Any] = {"line": number + 1, "findings": [_about(finding) for finding in findings]}
    out.write(_json(record)[:-1])
    start, end = lines.bytes_of(number)
    if end - start <= LONGEST_LINE:
        raw = lines.raw(number).rstrip(b"\r\n").removeprefix(codecs.BOM_UTF8)
        try:
            orjson.loads(raw)
        except orjson.JSONDecodeError:
            pass
        else:
            out.write(b', "sample": %b}\n' % raw.strip())
            return
    # Piece by piece: a line may be larger than memory.
    decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
    out.write(b', "text": "')
    for block in lines.read(start, end):
        out.write(_json(without_end(decode(block)))[1:-1])
    out.write(_json(decode(b"", True))[1:-1])
    out.write(b'"}\n')


def _about(finding: Finding) -> dict[str, str]:
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.label,
        "message": finding.message,
    }


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")
