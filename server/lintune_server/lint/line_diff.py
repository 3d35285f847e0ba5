"""Which lines edits change, and the unified diff of that: only changed lines are read, however large the file."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, NamedTuple

from lintune_server.lint.lines import LINE_END
from lintune_server.lint.pieces import LONGEST_LINE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lintune_server.lint.findings import Edit
    from lintune_server.lint.scanning import DiskLines

_CONTEXT = 3
_COMPARED = 1000
"""Lines of one hunk up to which it is looked for lines that stayed the same within."""
_SHOWN_BYTES = 1 << 20
"""Of one line. A longer one is told of, not shown."""


class Hunk(NamedTuple):
    """Lines `before` to `before_end` have become lines `after` to `after_end`; half-open, from 0."""

    before: int
    before_end: int
    after: int
    after_end: int

    @property
    def grown(self) -> int:
        return (self.after_end - self.after) - (self.before_end - self.before)


NOTHING: tuple[Hunk, ...] = ()


def hunks_of(edits: Iterable[Edit]) -> tuple[Hunk, ...]:
    """What edits change that are sorted and do not overlap."""
    hunks: list[Hunk] = []
    moved = 0
    for edit in edits:
        first, last = edit.range.start.line, edit.range.end.line
        grown = len(LINE_END.findall(edit.text)) - (last - first)
        hunk = Hunk(first, last + 1, first + moved, last + 1 + moved + grown)
        if hunks and first < hunks[-1].before_end:
            before = hunks.pop()
            hunk = Hunk(before.before, hunk.before_end, before.after, hunk.after_end)
        hunks.append(hunk)
        moved += grown
    return tuple(hunks)


def then(first: Sequence[Hunk], second: Sequence[Hunk]) -> tuple[Hunk, ...]:
    """What two changes that follow each other change together."""
    marks = [(hunk.after, hunk.after_end, hunk.grown, 0) for hunk in first]
    marks += [(hunk.before, hunk.before_end, 0, hunk.grown) for hunk in second]
    hunks: list[Hunk] = []
    # Between hunks, a line of the middle is `moved` lines below where it was, and goes `moving` lines further.
    moved = moving = 0
    end = -1
    for start, stop, grown, growing in sorted(marks):
        if hunks and start <= end:
            end = max(end, stop)
            last = hunks.pop()
            start_before, start_after = last.before, last.after
        else:
            end = stop
            start_before, start_after = start - moved, start + moving
        moved += grown
        moving += growing
        hunks.append(Hunk(start_before, end - moved, start_after, end + moving))
    return tuple(hunks)


def unified(before: DiskLines, after: DiskLines, hunks: Iterable[Hunk], name: str) -> Iterator[bytes]:
    """A unified diff of a file, as `patch` reads it; nothing when no line is another."""
    fine = [small for hunk in hunks for small in _refined(before, after, hunk)]
    if fine:
        yield f"--- {name}\n+++ {name}\n".encode("utf-8", "surrogateescape")
    at = 0
    while at < len(fine):
        end = at + 1
        while end < len(fine) and fine[end].before - fine[end - 1].before_end <= 2 * _CONTEXT:
            end += 1
        yield from _group(before, after, fine[at:end])
        at = end


def _refined(before: DiskLines, after: DiskLines, hunk: Hunk) -> Iterator[Hunk]:
    """Without the lines that stayed the same."""
    old, old_end = hunk.before, min(hunk.before_end, _count(before))
    new, new_end = hunk.after, min(hunk.after_end, _count(after))
    while old < old_end and new < new_end and _same(before, old, after, new):
        old, new = old + 1, new + 1
    while old < old_end and new < new_end and _same(before, old_end - 1, after, new_end - 1):
        old_end, new_end = old_end - 1, new_end - 1
    if old == old_end and new == new_end:
        return
    if max(old_end - old, new_end - new) > _COMPARED:
        yield Hunk(old, old_end, new, new_end)
        return
    matcher = SequenceMatcher(
        None,
        [_shown(before, number) for number in range(old, old_end)],
        [_shown(after, number) for number in range(new, new_end)],
        autojunk=False,
    )
    for what, start, stop, new_start, new_stop in matcher.get_opcodes():
        if what != "equal":
            yield Hunk(old + start, old + stop, new + new_start, new + new_stop)


def _group(before: DiskLines, after: DiskLines, hunks: Sequence[Hunk]) -> Iterator[bytes]:
    start = max(hunks[0].before - _CONTEXT, 0)
    end = min(hunks[-1].before_end + _CONTEXT, _count(before))
    new_start = start + hunks[0].after - hunks[0].before
    new_end = end + hunks[-1].after_end - hunks[-1].before_end
    yield f"@@ -{_place(start, end)} +{_place(new_start, new_end)} @@\n".encode()
    at = start
    for hunk in hunks:
        yield from _lines(b" ", before, at, hunk.before)
        yield from _lines(b"-", before, hunk.before, hunk.before_end)
        yield from _lines(b"+", after, hunk.after, hunk.after_end)
        at = hunk.before_end
    yield from _lines(b" ", before, at, end)


def _place(start: int, end: int) -> str:
    """As `diff` counts: from 1, and an empty range by the line before it."""
    length = end - start
    first = start + 1 if length else start
    return str(first) if length == 1 else f"{first},{length}"


def _lines(mark: bytes, lines: DiskLines, start: int, end: int) -> Iterator[bytes]:
    for number in range(start, end):
        line = _shown(lines, number)
        yield mark + line
        if not line.endswith(b"\n"):
            yield b"\n\\ No newline at end of file\n" if number + 1 == _count(lines) else b"\n"


def _shown(lines: DiskLines, number: int) -> bytes:
    start, end = lines.bytes_of(number)
    return lines.raw(number) if end - start <= _SHOWN_BYTES else f"(a line of {end - start:,} bytes)\n".encode()


def _same(before: DiskLines, number: int, after: DiskLines, other: int) -> bool:
    one, two = before.bytes_of(number), after.bytes_of(other)
    size = one[1] - one[0]
    # No fix changes a line that is too long to be read.
    return size == two[1] - two[0] and (size > LONGEST_LINE or before.raw(number) == after.raw(other))


def _count(lines: DiskLines) -> int:
    """Without the empty one behind the last line end."""
    start, end = lines.bytes_of(len(lines) - 1)
    return len(lines) - 1 if start == end else len(lines)
