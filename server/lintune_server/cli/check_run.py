"""The files of one `lintune check`, checked one after the other."""

from __future__ import annotations

import sys
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from lintune_schemas.errors import LintuneError
from lintune_schemas.recipe import real_path
from lintune_server.cli.progress import Progress
from lintune_server.cli.terminal import number
from lintune_server.lint import baseline, checking, together

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Set
    from pathlib import Path

    from lintune_server.lint.baseline import Known
    from lintune_server.lint.checking import Checked
    from lintune_server.lint.selection import Selection
    from lintune_server.lint.sieve import Ignore


class CheckRun:
    """What was asked for, and what came up that is no finding. args: of `lintune check`."""

    def __init__(self, args: argparse.Namespace, selection: Selection) -> None:
        self._args = args
        self._selection = selection
        self._with_baseline = not (args.no_baseline or args.update_baseline)
        self._progress = Progress()
        self._notes: dict[str, list[Path]] = {}
        self._stale: Counter[Path] = Counter()
        self._show: Callable[[Iterator[bytes]], None] | None = None
        self.troubles: list[str] = []
        """Why something could not be checked."""
        self.fixed = 0
        self.files = self._files()

    def each(self, show: Callable[[Iterator[bytes]], None] | None = None) -> Iterator[Checked]:
        """Check them all. show: for `--diff`, takes the changes of a file."""
        self._show = show
        with self._progress:
            for checked in together.check(self.files, self._selection, self._check):
                self._progress.clear()
                yield checked

    def say_what_came_up(self, again: str) -> None:
        """On standard error. again: the command to bring the baseline up to date with."""
        for note, paths in self._notes.items():
            others = f" and {number(len(paths) - 1, 'more file')}" if len(paths) > 1 else ""
            print(f"lintune: {paths[0]}{others}: {note}", file=sys.stderr)
        for path, count in self._stale.items():
            entries = "1 entry" if count == 1 else f"{count:,} entries"
            print(f"lintune: {path} has {entries} for what is not found any more. Update it: {again}", file=sys.stderr)
        for trouble in dict.fromkeys(self.troubles):
            print(f"lintune: {trouble}", file=sys.stderr)

    def update_baseline(self) -> str:
        """Keep what is found now; what was done, in a sentence. Raises LintuneError when it cannot be written."""
        homes: dict[Path, dict[Path, Known]] = {}
        new, gone, total = 0, 0, 0
        for file in self.each():
            home = baseline.home_for(file.path, file.scan.context.recipe_path if file.scan else file.path)
            before = baseline.read(home).of(file.path) if home.is_file() else Counter()
            found = Counter((one.code, baseline.identity(one, file.lines.text)) for one in file.findings)
            others = Counter({key: count for key, count in before.items() if not self._selection.has(key[0])})
            before = before - others
            new, gone, total = new + (found - before).total(), gone + (before - found).total(), total + found.total()
            homes.setdefault(home, {})[file.path] = found + others
        written = [home for home, files in homes.items() if home.is_file() or any(files.values())]
        for home in written:
            baseline.write(home, homes[home])
        if not written:
            return "Nothing found, so there is no baseline to write."
        where = ", ".join(map(str, written))
        return f"Wrote {where}: {number(total, 'finding')} to be quiet about, {new:,} of them new; {gone:,} are gone."

    def _files(self) -> list[Path]:
        files: dict[Path, Path] = {}
        for path in self._args.paths:
            try:
                for file in checking.files_of(path):
                    files.setdefault(real_path(file), file)
            except LintuneError as error:
                self.troubles.append(str(error))
        return list(files.values())

    def _check(self, path: Path, *, watches: bool = False, used: Set[Ignore] | None = None) -> Checked | None:
        self._progress.start(str(path))
        check = partial(
            checking.check,
            path,
            self._args.recipe,
            self._selection,
            with_baseline=self._with_baseline,
            watches=watches,
            used=used,
            progress=self._progress.report,
        )
        try:
            checked = self._fixed(path, check) if self._args.fix or self._args.diff else check(None)
            if self._args.write_clean is not None and checked.scan:
                self._write_clean(checked)
        except LintuneError as error:
            self.troubles.append(str(error))
            return None
        if checked.note:
            self._notes.setdefault(checked.note, []).append(path)
        if checked.sieve.stale:
            home = baseline.find_for(path)
            assert home is not None
            self._stale[home] += len(checked.sieve.stale)
        return checked

    def _fixed(self, path: Path, check: Callable[[Path | None], Checked]) -> Checked:
        from lintune_server.lint import fixed_file  # as the next one: not needed by most runs, and not free to import

        fixed = fixed_file.fix(path, check, unsafe=self._args.unsafe, show=self._show)
        self.fixed += fixed.count
        return fixed.checked

    def _write_clean(self, checked: Checked) -> None:
        from lintune_server.lint import clean_copy

        target = self._args.write_clean
        copied = clean_copy.write(checked, target)
        print(
            f"lintune: wrote {number(copied.clean, 'sample')} to {target}, "
            f"{copied.rejected:,} with errors to {copied.rejects}",
            file=sys.stderr,
        )
