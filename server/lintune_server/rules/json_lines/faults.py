"""From what keeps a line from being JSON to problems: one for each sort, at its first case on the line.

Cases with a fix, with an unsafe one and without are told apart, so that one that cannot be mended spoils no others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.fault import Mend, Sort
from lintune_server.lint.problems import Change, Columns, Problem, Remedy

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from lintune_server.lint.fault import Fault
    from lintune_server.lint.sample import Line

_TITLES = {
    Sort.CONTROL: "Write the control characters as escapes",
    Sort.ESCAPE: "Write the backslashes as \\\\",
    Sort.SPACE: "Write plain spaces",
    Sort.SEVERAL: "Write each sample on a line of its own",
    Sort.SURROGATE: "Write U+FFFD, the replacement character",
    Sort.TRAILING_COMMA: "Remove the trailing comma",
    Sort.COMMENT: "Remove the comment",
    Sort.QUOTES: "Write double quotes",
    Sort.CURLY_QUOTES: "Write straight double quotes",
    Sort.BARE_KEY: "Put the keys into double quotes",
    Sort.WORD: "Write true, false and null",
    Sort.NUMBER: "Write the numbers as JSON does",
    Sort.FOREIGN_ESCAPE: "Write them as JSON does",
}


def problems(line: Line, sorts: Collection[Sort], message: Callable[[Fault], str]) -> Iterator[Problem]:
    """A problem for each of these sorts that the line has."""
    grouped: dict[tuple[Sort, Mend], list[Fault]] = {}
    for fault in line.faults.found:
        if fault.sort in sorts:
            grouped.setdefault((fault.sort, fault.mend if line.faults.mendable else Mend.NO), []).append(fault)
    for (sort, mend), faults in grouped.items():
        first = faults[0]
        times = f" ({len(faults):,} times on this line)" if len(faults) > 1 else ""
        fix = None
        if mend is not Mend.NO:
            changes = tuple(Change(Columns(*fault.place), fault.text or "") for fault in faults)
            fix = Remedy(_TITLES[sort], changes, mend is Mend.SAFE)
        yield Problem(f"{message(first)}{times}.", Columns(first.start, first.end), fix)
