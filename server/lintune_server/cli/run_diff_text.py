"""`lintune runs compare` for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.cli.chart import Series, draw
from lintune_server.cli.runs_text import began, state
from lintune_server.cli.terminal import BOLD, cells, clean, cut, number, wrap
from lintune_server.training import run_diff
from lintune_server.training.run_diff import places, value_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.cli.terminal import Look
    from lintune_server.training.records import Record
    from lintune_server.training.run_diff import DataChange, RunDiff

_A, _B = "36", "35"


def page(found: RunDiff, look: Look, *, ascii_only: bool) -> Iterator[str]:
    for name, record, colour in (("A", found.a, _A), ("B", found.b, _B)):
        yield f"{look.paint(name, f'{colour};{BOLD}')}  {clean(record.name)}  {state(record, look)}  {began(record)}"
        for words in (record.problem, record.damage):
            if words:
                yield from wrap(words, look.width, "   ")
    yield ""
    yield from _recipe(found, look)
    yield ""
    yield from _data(found, look)
    yield ""
    yield from _figures(found.a, found.b, look)
    yield from _loss(found, look, ascii_only=ascii_only)


def _recipe(found: RunDiff, look: Look) -> Iterator[str]:
    changes = found.recipe
    if changes is None:
        yield f"{look.paint('Recipe', BOLD)}  the recipe.lock.yaml of one of them cannot be read"
        return
    if not changes:
        yield f"{look.paint('Recipe', BOLD)}  the same values"
        return
    yield _head("Recipe", look)
    for change in changes:
        yield _row(change.key, value_text(change.a), value_text(change.b), look)


def _head(title: str, look: Look) -> str:
    width = _width(look)
    title = look.paint(f"{title:<{look.width - 2 * width}}", BOLD)
    return f"{title}{look.paint('A', _A)}{'':{width - 1}}{look.paint('B', _B)}"


def _width(look: Look) -> int:
    return (look.width - 30) // 2


def _row(key: str, a: str, b: str, look: Look) -> str:
    width = _width(look)
    first = look.width - 2 * width
    return f"{_fitted(f'  {key}', first)}{_fitted(a, width)}{_fitted(b, width).rstrip()}"


def _fitted(text: str, width: int) -> str:
    """In exactly that many columns, of which the last is blank."""
    text = clean(text)
    if cells(text) >= width:
        text = f"{cut(text, width - 2)}…"
    return text + " " * (width - cells(text))


def _data(found: RunDiff, look: Look) -> Iterator[str]:
    if found.data is None:
        yield f"{look.paint('Data', BOLD)}  the dataset.lock.json of one of them cannot be read"
        return
    yield look.paint("Data", BOLD)
    for change in found.data:
        yield from _data_set(change, look)


def _data_set(change: DataChange, look: Look) -> Iterator[str]:
    a, b = change.a, change.b
    some = b or a
    assert some is not None
    use = "" if change.use == "train" else ", to evaluate with"
    if a is None or b is None:
        yield from wrap(
            f"{some.path}: in {'A' if b is None else 'B'} only, {number(some.samples, 'sample')}{use}", look.width, "  "
        )
        return
    path = b.path if a.path == b.path else f"{a.path} → {b.path}"
    if change.same:
        yield from wrap(f"{path}: the same {number(b.samples, 'sample')}{use}", look.width, "  ")
        return
    yield from wrap(f"{path}: {a.samples:,} → {number(b.samples, 'sample')}{use}", look.width, "  ")
    if change.problem:
        yield from wrap(change.problem, look.width, "    ")
    if samples := change.samples:
        moved = f", {samples.moved:,} of them moved" if samples.moved else ""
        yield f"    {samples.unchanged:>7,} unchanged{moved}"
        for name, lines, whose in samples.named():
            yield f"    {len(lines):>7,} {name:<9} {places(lines)}{whose}"


def _figures(a: Record, b: Record, look: Look) -> Iterator[str]:
    yield _head("Figures", look)
    for key, one, two in run_diff.figures(a, b):
        yield _row(key, one, two, look)


def _loss(found: RunDiff, look: Look, *, ascii_only: bool) -> Iterator[str]:
    series, legend = [], []
    for name, record, colour, mark in (("A", found.a, _A, "●"), ("B", found.b, _B, "○")):
        curve = record.curve
        if curve.train:
            series.append(Series(curve.smoothed, colour, name=name))
        if curve.evaluation:
            mark = name.lower() if ascii_only else mark
            series.append(Series(curve.evaluation, colour, mark))
            legend.append(f"{look.paint(mark, colour)} evaluation of {name}")
    lines = list(draw(series, look, ascii_only=ascii_only))
    if lines:
        yield ""
        both = f"{look.paint('A', _A)}, {look.paint('B', _B)} training, smoothed"
        yield f"{look.paint('Loss', BOLD)}  {'   '.join([both, *legend])}"
        yield from lines
