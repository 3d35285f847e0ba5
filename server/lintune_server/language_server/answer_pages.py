"""Answers as Markdown files, for what is too long for a hover. They are in the user's cache, and can be deleted."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING

from lintune_schemas import atomic
from lintune_schemas.base_model import cache_folder
from lintune_schemas.errors import LintuneError

if TYPE_CHECKING:
    from pathlib import Path

_MOST = 50
"""Pages; those that were written longest ago go first."""


def path_of(uri: str, line: int) -> Path:
    """Where the page of a sample is; the same for one line of a file, so that an editor that shows it follows."""
    name = hashlib.sha256(f"{uri}:{line}".encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return cache_folder() / "answer-pages" / f"line-{line + 1}-{name}.md"


def write(path: Path, markdown: str) -> None:
    """Write a page. Raises LintuneError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_text(path, f"{markdown}\n")
    except OSError as error:
        raise LintuneError(f"The answers could not be written to {path}: {error.strerror}.") from error
    with suppress(OSError):
        pages = sorted(path.parent.glob("line-*.md"), key=lambda one: one.stat().st_mtime, reverse=True)
        for old in pages[_MOST:]:
            old.unlink(missing_ok=True)
