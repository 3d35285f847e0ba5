"""`lintune diff` for people."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TextIO

from lintune_server.cli.terminal import BOLD, COLOURS, DIM, Look, cells, clean, cut, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lintune_schemas.samples import Path
    from lintune_server.lint.data_set import DataSet
    from lintune_server.lint.data_set_diff import DataSetDiff, Edit
    from lintune_server.lint.findings import Finding, Severity

_LISTED = 10
_GREEN, _RED, _YELLOW = "32", "31", "33"


def write(found: DataSetDiff, out: TextIO) -> None:
    for line in _Page(found, Look.of(out)).lines():
        out.write(f"{line}\n")


class _Page:
    def __init__(self, found: DataSetDiff, look: Look) -> None:
        self._found = found
        self._look = look

    def lines(self) -> Iterator[str]:
        found = self._found
        title = f"{found.old_path} → {found.new_path}"
        yield from (self._look.paint(line, BOLD) for line in wrap(title, self._look.width))
        yield ""
        yield from self._figures()
        yield ""
        yield from self._samples()
        yield from self._labels()
        yield from self._findings()

    def _figures(self) -> Iterator[str]:
        old, new = self._found.scans
        yield f"  {'':<16}{'old':>14}{'new':>14}"
        yield self._row("samples", len(old.data), len(new.data))
        if not self._found.counted:
            return
        before, after = self._found.tokens()
        yield self._row("tokens", before.total if before else 0, after.total if after else 0)
        yield self._row("trained tokens", *self._found.trained_tokens())
        if before and after:
            yield self._row("median length", before.median, after.median)
            yield self._row("p99", before.p99, after.p99)
            yield self._row("longest", before.most, after.most)

    def _row(self, name: str, before: int, after: int) -> str:
        change = f"{after - before:+,}" if after != before else ""
        return f"  {name:<16}{before:>14,}{after:>14,}{change:>12}".rstrip()

    def _samples(self) -> Iterator[str]:
        found = self._found.comparison
        moved = f"  {found.moved:,} of them moved" if found.moved else ""
        yield f"  unchanged {len(found.same):>10,}{moved}"
        fields = Counter(_name(path) for edit in self._found.edits for path in {_general(path) for path in edit.fields})
        where = ", ".join(f"{clean(name)} {count:,}" for name, count in fields.most_common(4))
        if where:
            where = f"  {where}{', …' if len(fields) > 4 else ''}"
        yield cut(f"  edited    {len(found.edited):>10,}{where}", self._look.width)
        yield f"  added     {len(found.added):>10,}"
        yield f"  removed   {len(found.removed):>10,}"
        old, new = self._found.scans
        yield from self._list("edited", _YELLOW, [self._edit(edit) for edit in self._found.edits[:_LISTED]])
        yield from self._list("added", _GREEN, self._some(new.data, found.added))
        yield from self._list("removed", _RED, self._some(old.data, found.removed))

    def _list(self, title: str, colour: str, lines: Sequence[str]) -> Iterator[str]:
        if not lines:
            return
        yield ""
        yield self._look.paint(title, f"{colour};{BOLD}")
        yield from lines
        count = len(getattr(self._found.comparison, title))
        if count > _LISTED:
            yield self._look.paint(f"  and {count - _LISTED:,} more (--json lists them all)", DIM)

    def _edit(self, edit: Edit) -> str:
        place = f"line {edit.new_line + 1:,}"
        if edit.old_line != edit.new_line:
            place += f" (was {edit.old_line + 1:,})"
        tokens = f"{edit.new_tokens - edit.old_tokens:+,} tokens" if edit.old_tokens and edit.new_tokens else ""
        names = ", ".join(clean(_name(path)) for path in edit.fields)
        line = f"  {place:<26}{tokens:>14}  {names}"
        return line if cells(line) <= self._look.width else f"{cut(line, self._look.width - 1)}…"

    def _some(self, data: DataSet, indices: Sequence[int]) -> list[str]:
        shown = []
        for index in indices[:_LISTED]:
            line = data.line(index)
            given = next((text.text for text in line.prompts if text.role != "system"), line.text)
            text = f"  line {data.lines[index] + 1:<8,} {clean(' '.join(given.split()))}"
            shown.append(text if cells(text) <= self._look.width else f"{cut(text, self._look.width - 1)}…")
        return shown

    def _labels(self) -> Iterator[str]:
        labels = self._found.labels
        if labels is None:
            return
        changed = {label: counts for label, counts in labels.items() if counts[0] != counts[1]}
        yield ""
        yield f"{self._look.paint('labels', BOLD)}  {len(labels):,}, {len(changed):,} of them with another count"
        for label, (before, after) in sorted(changed.items(), key=lambda one: -abs(one[1][1] - one[1][0]))[:_LISTED]:
            name = cut(clean(label), 16)
            yield f"  {name}{' ' * (16 - cells(name))}{before:>14,}{after:>14,}{after - before:>+12,}"
        if len(changed) > _LISTED:
            yield self._look.paint(f"  and {len(changed) - _LISTED:,} more (--json lists them all)", DIM)

    def _findings(self) -> Iterator[str]:
        new, gone = self._found.new_findings, self._found.gone_findings
        yield ""
        if not new and not gone:
            yield f"{self._look.paint('findings', BOLD)}  none new, none gone"
            return
        yield f"{self._look.paint('findings', BOLD)}  {len(new):,} new, {len(gone):,} gone"
        came, went = Counter(_kind(finding) for finding in new), Counter(_kind(finding) for finding in gone)
        for severity, code, name in sorted(came | went, key=lambda kind: (-kind[0], kind[1])):
            kind = (severity, code, name)
            label = self._look.paint(f"{severity.label:<7}", COLOURS[severity])
            changes = [f"{sign}{counts[kind]:,}" for sign, counts in (("+", came), ("−", went)) if counts[kind]]
            yield f"  {label} {code} {name:<26} {' '.join(changes)}"
        if new:
            yield ""
            yield self._look.paint("new findings", BOLD)
        for finding in sorted(new, key=lambda finding: -finding.severity)[:_LISTED]:
            place = "whole file" if finding.whole_file else f"line {finding.range.start.line + 1:,}"
            label = self._look.paint(finding.severity.label, COLOURS[finding.severity])
            yield f"  {place} {label} {finding.code} {finding.name}"
            yield from wrap(finding.message, self._look.width, "    ")
        if len(new) > _LISTED:
            yield self._look.paint(f"  and {len(new) - _LISTED:,} more (--json lists them all)", DIM)


def _kind(finding: Finding) -> tuple[Severity, str, str]:
    return finding.severity, finding.code, finding.name


def _general(path: Path) -> Path:
    """The same for every element of a list."""
    return tuple("[]" if isinstance(step, int) else step for step in path)


def _name(path: Path) -> str:
    """`messages[2].content`."""
    name = ""
    for step in path:
        if isinstance(step, int):
            name += f"[{step}]"
        elif step == "[]":
            name += step
        else:
            name += f".{step}" if name else step
    return name or "the whole sample"
