"""A file with all of its safe fixes applied."""

from __future__ import annotations

import difflib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lintune_schemas import atomic
from lintune_schemas.errors import LintuneError
from lintune_server.lint import checking, fixing

if TYPE_CHECKING:
    from lintune_server.lint.checking import Checked
    from lintune_server.lint.selection import Selection

_ROUNDS = 10
"""A fix may bring up the next one; more rounds than this would be two fixes that undo each other."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """What remains to be found, how many fixes there were, and what they changed, as a unified diff."""

    checked: Checked
    count: int
    diff: str


def fix(path: Path, recipe: Path | None, selection: Selection, *, write: bool, unsafe: bool = False) -> Fixed:
    """Apply fixes again and again until none is left; the file itself is replaced once, in one step.

    write: whether it is at all; without, only the diff is made. unsafe: also those that may lose data. Raises
    LintuneError, and then nothing was changed.
    """
    try:
        return _fix(path, recipe, selection, write=write, unsafe=unsafe)
    except OSError as error:
        raise LintuneError(
            f"{path} could not be written: {error.strerror or error}. Nothing was changed in it."
        ) from error


def _fix(path: Path, recipe: Path | None, selection: Selection, *, write: bool, unsafe: bool) -> Fixed:
    with tempfile.TemporaryDirectory(prefix="lintune-") as folder:
        count, content = 0, path
        checked = checking.check(path, recipe, selection)
        for number in range(_ROUNDS):
            edits = fixing.edits_of(checked.findings, unsafe=unsafe)
            if not edits:
                break
            count += len(edits)
            after = Path(folder, str(number))
            with after.open("wb") as output:
                fixing.rewrite(checked.lines, edits, output)
            content = after
            checked = checking.check(path, recipe, selection, content)
        if content is path:
            return Fixed(checked, 0, "")
        if write:
            _replace(path, content)
            return Fixed(checking.check(path, recipe, selection), count, "")
        return Fixed(checked, count, _diff(path, content))


def _replace(path: Path, content: Path) -> None:
    target = path.resolve()  # of a link, what it points to
    with atomic.new_file(target) as partial:
        shutil.copyfile(content, partial)
        partial.chmod(target.stat().st_mode & 0o7777)


def _diff(path: Path, content: Path) -> str:
    before, after = (
        file.read_bytes().decode("utf-8", "surrogateescape").splitlines(keepends=True) for file in (path, content)
    )
    lines = difflib.unified_diff(before, after, str(path), f"{path} (fixed)")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
