"""The baseline: a file of findings that are there today and are to be kept quiet, so that only new ones show.

A finding is known again by its file, its rule and the content of its sample: not by its line, so that samples may move
and others may change. What is about a file as a whole is known by file and rule alone. The file is made to be
committed: sorted, one finding a line.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from lintune_schemas import atomic
from lintune_schemas.errors import LintuneError
from lintune_schemas.recipe import real_path
from lintune_schemas.samples import IGNORE_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from lintune_server.lint.findings import Finding

NAME = ".lintune-baseline.json"
_VERSION = 1
_WHOLE_FILE = "*"

Known = Counter[tuple[str, str]]
"""How often a code was found in a sample of an identity."""


@dataclass(frozen=True, slots=True)
class Baseline:
    path: Path
    files: Mapping[str, Known]
    """By path from the baseline's folder, with slashes."""

    def of(self, file: Path) -> Known:
        return self.files.get(_name(file, self.path), Counter())


def find_for(file: Path) -> Path | None:
    """The baseline of a file: the nearest upward, within its git repository. None without one."""
    for folder in real_path(file).parents:
        candidate = folder / NAME
        if candidate.is_file():
            return candidate
        if (folder / ".git").exists():
            break
    return None


def home_for(file: Path, recipe: Path | None) -> Path:
    """Where the baseline of a file is, or has to be made: beside its recipe, else in the working folder."""
    found = find_for(file)
    if found is not None:
        return found
    folders = real_path(file).parents
    wanted = [real_path(recipe).parent] if recipe else []
    return next((folder for folder in (*wanted, real_path(Path.cwd())) if folder in folders), folders[0]) / NAME


def read(path: Path) -> Baseline:
    """Raises LintuneError."""
    try:
        stat = path.stat()
        return _read(path, stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise LintuneError(f"{path} could not be read: {error.strerror or error}.") from error


def known_of(file: Path) -> Known | None:
    """What a file's baseline has of it; None without a baseline. Raises LintuneError when that cannot be read."""
    path = find_for(file)
    return read(path).of(file) if path else None


def sift(
    findings: Iterable[Finding], known: Known, text_of: Callable[[int], str]
) -> tuple[list[Finding], list[tuple[str, str]]]:
    """The findings that are not known, and what is known that was not found."""
    left = known.copy()
    codes = {code for code, _ in known}
    new = []
    for finding in findings:
        if finding.code in codes:
            key = (finding.code, identity(finding, text_of))
            if left[key] > 0:
                left[key] -= 1
                continue
        new.append(finding)
    return new, [key for key, count in left.items() if count > 0]


def identity(finding: Finding, text_of: Callable[[int], str]) -> str:
    """What a sample is known by, wherever it stands and however it is laid out."""
    if finding.whole_file:
        return _WHOLE_FILE
    text = text_of(finding.range.start.line)
    try:
        value = orjson.loads(text)
        if isinstance(value, dict):
            value.pop(IGNORE_KEY, None)
        data = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, UnicodeEncodeError):
        data = text.strip().encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def write(path: Path, changed: Mapping[Path, Known]) -> None:
    """Replace what the baseline has of some files; files that are gone leave it. Raises LintuneError."""
    files = dict(read(path).files) if path.is_file() else {}
    files |= {_name(file, path): known for file, known in changed.items()}
    content: dict[str, Any] = {"version": _VERSION, "files": {}}
    for name in sorted(files):
        if (path.parent / name).is_file() and files[name].total():
            by_code: dict[str, list[str]] = {}
            for code, sample in sorted(files[name].elements()):
                by_code.setdefault(code, []).append(sample)
            content["files"][name] = by_code
    try:
        atomic.write_text(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    except OSError as error:
        raise LintuneError(f"{path} could not be written: {error.strerror or error}.") from error


@lru_cache(maxsize=8)
def _read(path: Path, size: int, modified: int) -> Baseline:  # noqa: ARG001
    try:
        content = orjson.loads(path.read_bytes())
        if content["version"] != _VERSION:
            raise LintuneError(f"{path} is of version {content['version']}, which a newer Lintune has written.")
        files = {
            name: Counter((code, sample) for code, samples in by_code.items() for sample in _texts(samples))
            for name, by_code in content["files"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LintuneError(
            f"{path} is no baseline that can be read. Write it anew: delete it, then lintune check --update-baseline"
        ) from error
    return Baseline(path, files)


def _texts(samples: Sequence[object]) -> list[str]:
    if not all(isinstance(sample, str) for sample in samples):
        raise TypeError
    return [str(sample) for sample in samples]


def _name(file: Path, baseline: Path) -> str:
    return os.path.relpath(real_path(file), real_path(baseline).parent).replace(os.sep, "/")
