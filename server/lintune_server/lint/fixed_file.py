"""A file with its fixes applied."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lintune_schemas import atomic
from lintune_schemas.errors import LintuneError
from lintune_server.lint import fixing, line_diff

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from lintune_server.lint.checking import Checked

_ROUNDS = 10
"""A fix may bring up the next one; more rounds than this would be two fixes that undo each other."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """What remains to be found, and how many fixes there were."""

    checked: Checked
    count: int


def fix(
    path: Path,
    check: Callable[[Path | None], Checked],
    *,
    unsafe: bool,
    show: Callable[[Iterator[bytes]], None] | None = None,
) -> Fixed:
    """Apply fixes again and again until none is left; the file itself is replaced once, in one step, its mode kept.

    check: of what a file holds, in the place of `path`; of `path` itself without one. unsafe: also those that may lose
    data. show: called with the changes, as a unified diff, and then nothing is written. Raises LintuneError, and then
    nothing was changed.
    """
    try:
        return _fix(path, check, unsafe, show)
    except OSError as error:
        raise LintuneError(
            f"{path} could not be written: {error.strerror or error}. Nothing was changed in it."
        ) from error


def _fix(
    path: Path,
    check: Callable[[Path | None], Checked],
    unsafe: bool,
    show: Callable[[Iterator[bytes]], None] | None,
) -> Fixed:
    target = path.resolve()  # of a link, what it points to
    before = target.stat()
    checked = check(None)
    original = checked.lines
    edits = fixing.edits_of(checked.findings, unsafe=unsafe)
    if not edits:
        return Fixed(checked, 0)
    # What will replace the file has to be on the same file system.
    with tempfile.TemporaryDirectory(prefix=atomic.PARTIAL_PREFIX, dir=None if show else target.parent) as folder:
        count, content, hunks = 0, target, line_diff.NOTHING
        for number in range(_ROUNDS):
            count += len(edits)
            hunks = line_diff.then(hunks, line_diff.hunks_of(edits))
            content = Path(folder, str(number))
            with content.open("wb") as output:
                fixing.rewrite(checked.lines, edits, output)
            Path(folder, str(number - 1)).unlink(missing_ok=True)
            checked = check(content)
            edits = fixing.edits_of(checked.findings, unsafe=unsafe)
            if not edits:
                break
        if show:
            show(line_diff.unified(original, checked.lines, hunks, str(path)))
        else:
            _replace(target, content, before)
            checked.lines.move(target)
    return Fixed(checked, count)


def _replace(target: Path, content: Path, before: os.stat_result) -> None:
    now = target.stat()
    if (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise LintuneError(f"{target} changed while it was fixed. Nothing was changed in it: try again.")
    content.chmod(before.st_mode & 0o7777)
    with atomic.new_file(target) as partial:
        content.replace(partial)
