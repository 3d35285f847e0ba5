"""What `lintune verify` and `export` print of a proof: a table of figures, and why a check failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.cli.terminal import BOLD, COLOURS, cells, clean, cut, wrap
from lintune_server.lint.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lintune_schemas.events import Check
    from lintune_server.cli.terminal import Look

_GREEN = "32"
_COLUMNS = (
    ("KL, nats", 9, "kl_mean", "{:.1e}"),
    ("limit", 7, "kl_mean_limit", "{:.0e}"),
    ("top-1", 8, "top1", "{:.2%}"),
    ("limit", 6, "top1_limit", "{:.0%}"),
    ("ppl", 8, "perplexity_ratio", "×{:.3f}"),
)
"""Heads, widths, figures. `ppl` is the perplexity over that of the file before quantization."""
_RESULT = 8


def table(checks: Sequence[Check], look: Look) -> Iterator[str]:
    """A line for each check, no wider than the look allows; under one that failed, what is broken and why."""
    room = look.width - _RESULT - sum(width for _, width, _, _ in _COLUMNS)
    heads = "".join(f"{head:>{width}}" for head, width, _, _ in _COLUMNS)
    yield look.paint(f"{'':<{_RESULT}}{'check':<{room}}{heads}", BOLD)
    for check in checks:
        result = look.paint("ok", _GREEN) if check.ok else look.paint("FAILED", COLOURS[Severity.ERROR])
        padded = result + " " * (_RESULT - (2 if check.ok else 6))
        figures = "".join(f"{_figure(check.figures, key, form):>{width}}" for _, width, key, form in _COLUMNS)
        yield from (line.rstrip() for line in _row(padded, clean(check.name), figures, room))
        if not check.ok:
            yield from wrap(f"{check.link or 'broken'}: {check.detail}", look.width, " " * _RESULT)


def _row(result: str, name: str, figures: str, room: int) -> Iterator[str]:
    """In one line where there are no figures or the name leaves room for them, else in two."""
    if not figures.strip():
        yield result + name
    elif cells(name) < room:
        yield result + name + " " * (room - cells(name)) + figures
    else:
        yield result + cut(name, room + len(figures))
        yield " " * (_RESULT + room) + figures


def _figure(figures: Mapping[str, float], key: str, form: str) -> str:
    return form.format(figures[key]) if key in figures else ""
