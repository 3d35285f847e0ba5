"""New files: all of them, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas import atomic
from lintune_schemas.errors import LintuneError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def write(files: Iterable[tuple[Path, bytes]]) -> None:
    """Write files that are not there yet, in this order. Raises LintuneError with nothing left behind."""
    made: list[Path] = []
    path = None
    try:
        for path, contents in files:
            if path.exists() or path.is_symlink():
                raise LintuneError(f"{path} is there already, and nothing is overwritten. Give another folder.")
            made += _new_folders(path.parent)
            atomic.write_bytes(path, contents)
            made.append(path)
    except BaseException as error:
        for left in reversed(made):
            left.rmdir() if left.is_dir() else left.unlink()
        if isinstance(error, OSError):
            raise LintuneError(f"{path} could not be written: {error.strerror or error}.") from error
        raise


def _new_folders(folder: Path) -> list[Path]:
    """Make a folder. Returns those that were not there, the outermost first."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()][::-1]
    folder.mkdir(parents=True, exist_ok=True)
    return missing
