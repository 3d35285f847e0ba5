"""The plots of the HTML report, as SVG."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lintune_server.cli.reports.html_page import text
from lintune_server.lint import statistics

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lintune_server.lint.findings import Finding
    from lintune_server.lint.statistics import Statistics

_WIDTH = 440
_DUPLICATES = ("DU301", "DU302", "DU303")
_MOST_BARS = 8

Node = tuple[str, int]


def lengths(found: Statistics, sequence_len: int | None) -> str:
    """Samples by their tokens, with the recipe's limit."""
    buckets = statistics.histogram(found.tokens)
    if not buckets:
        return ""
    height, base, top = 190, 160, 16
    highest = max(bucket.samples for bucket in buckets)
    step = _WIDTH / len(buckets)
    parts = []
    for index, bucket in enumerate(buckets):
        size = bucket.samples / highest * (base - top)
        over = sequence_len is not None and bucket.start > sequence_len
        end = f"to {bucket.end - 1:,}" if bucket.end else "and more"
        parts.append(
            f'<rect class="{"over" if over else "bar"}" x="{index * step + 1:.1f}" y="{base - size:.1f}" '
            f'width="{max(step - 2, 1):.1f}" height="{size:.1f}"><title>{bucket.start:,} {end} tokens: '
            f"{bucket.samples:,}</title></rect>"
        )
        if index % max(len(buckets) // 6, 1) == 0:
            parts.append(f'<text class="soft" x="{index * step + 1:.1f}" y="{base + 14}">{bucket.start:,}</text>')
    first, width = buckets[0].start, buckets[0].start
    if buckets[0].end is not None:
        width = buckets[0].end - first
    if sequence_len is not None and first < sequence_len < first + width * len(buckets):
        at = (sequence_len - first) / width * step
        anchor, gap = ("end", -4) if at > _WIDTH / 2 else ("start", 4)
        parts.append(f'<line class="limit" x1="{at:.1f}" x2="{at:.1f}" y1="{top - 12}" y2="{base}"/>')
        parts.append(
            f'<text class="over" x="{at + gap:.1f}" y="{top - 4}" text-anchor="{anchor}">'
            f"sequence_len {sequence_len:,}</text>"
        )
    parts.append(f'<line class="axis" x1="0" x2="{_WIDTH}" y1="{base}" y2="{base}"/>')
    parts.append(f'<text class="soft" x="{_WIDTH}" y="{height - 2}" text-anchor="end">tokens of a sample</text>')
    return _figure("Lengths", f"Samples by their number of tokens, up to {max(found.tokens):,}", height, parts)


def roles(found: Statistics) -> str:
    """Whose text it is, and what of it is learned."""
    bars = [
        (name, role.characters, "learned" if role.learned else "bar", f"{role.texts:,} texts, {role.learned:,} learned")
        for name, role in found.roles.items()
    ]
    return _bars("Characters by role (green: learned)", bars)


def labels(found: Statistics) -> str:
    if not found.labels:
        return ""
    bars = [(label, count, "learned", f"{count:,} samples") for label, count in found.labels.most_common(_MOST_BARS)]
    more = len(found.labels) - len(bars)
    return _bars(f"Answers{f' (and {more:,} more)' if more > 0 else ''}", bars)


def clusters(findings: Iterable[Finding], path: str) -> list[list[Node]]:
    """Samples that are duplicates of each other, exact or near: (path, 0-based line) in groups, the largest first."""
    parent: dict[Node, Node] = {}

    def root(node: Node) -> Node:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for finding in findings:
        if finding.code in _DUPLICATES and not finding.whole_file:
            for related in finding.related:
                parent[root((path, finding.range.start.line))] = root((str(related.path), related.line))
    groups: dict[Node, list[Node]] = {}
    for node in parent:
        groups.setdefault(root(node), []).append(node)
    return sorted(
        (sorted(group) for group in groups.values() if len(group) > 1), key=lambda group: (-len(group), group)
    )


def duplicates(groups: Sequence[Sequence[Node]]) -> str:
    """How many groups there are of each size."""
    if not groups:
        return ""
    sizes = Counter(min(len(group), _MOST_BARS + 1) for group in groups)
    bars = [
        (
            f"{size} samples" if size <= _MOST_BARS else f"{size} and more",
            count,
            "bar",
            f"{count:,} groups of this size",
        )
        for size, count in sorted(sizes.items())
    ]
    return _bars(f"Groups of duplicates, exact and near ({len(groups):,})", bars)


def _bars(title: str, bars: Sequence[tuple[str, int, str, str]]) -> str:
    """Lying bars: name, count, class, and what is said when a reader points at one."""
    if not bars:
        return ""
    most = max(count for _, count, _, _ in bars) or 1
    total = sum(count for _, count, _, _ in bars) or 1
    left, row = 120, 26
    parts = []
    for index, (name, count, kind, about) in enumerate(bars):
        y = index * row + 4
        size = max(count / most * (_WIDTH - left - 110), 1)
        shown = name if len(name) <= 17 else f"{name[:16]}…"
        parts.append(f'<text x="0" y="{y + 13}">{text(shown)}<title>{text(name)}</title></text>')
        parts.append(
            f'<rect class="{kind}" x="{left}" y="{y}" width="{size:.1f}" height="18">'
            f"<title>{text(name)}: {text(about)}</title></rect>"
        )
        label = f"{count:,} ({count / total:.0%})"
        parts.append(f'<text class="soft" x="{left + size + 6:.1f}" y="{y + 13}">{label}</text>')
    return _figure(
        title, f"{title}: " + ", ".join(f"{name} {count:,}" for name, count, _, _ in bars), row * len(bars), parts
    )


def _figure(title: str, description: str, height: int, parts: Sequence[str]) -> str:
    return (
        f'<figure><h3>{text(title)}</h3><svg viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="{text(description)}">{"".join(parts)}</svg></figure>'
    )
