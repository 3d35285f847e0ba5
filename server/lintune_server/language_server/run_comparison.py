"""What two runs differ in, as a page of Markdown with a picture of their losses; `lintune runs compare` in an editor.

Pages are in the user's cache, and can be deleted.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from lintune_schemas import atomic
from lintune_schemas.base_model import cache_folder
from lintune_schemas.errors import LintuneError
from lintune_server.language_server import loss_picture
from lintune_server.language_server.run_page import plain
from lintune_server.training import records, run_list
from lintune_server.training.run_diff import RunDiff, figures, places, value_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lintune_server.training.records import Record
    from lintune_server.training.run_diff import DataChange

_PICTURE = "loss.svg"
_SIDES = "| | A | B |\n|:--|:--|:--|"


def write(a: Path, b: Path, recipe_folders: list[Path]) -> Path:
    """Write the page about two runs beside recipes of these folders, A the older one. Raises LintuneError."""
    for run in (a, b):
        run_list.require_known(run, recipe_folders)
    if a == b:
        raise LintuneError("Choose two runs to compare.")
    older, newer = sorted((a, b), key=lambda run: run.name)
    found = RunDiff(records.read(older), records.read(newer))
    # A folder for each pair, so that what stands on the tab can be short.
    folder = cache_folder() / "run-comparisons" / hashlib.sha256(f"{older}\n{newer}".encode()).hexdigest()[:12]
    path = folder / f"{_short(older)} and {_short(newer)}.md"
    picture = loss_picture.draw(found.a.curve, found.b.curve)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if picture:
            atomic.write_text(folder / _PICTURE, picture)
        atomic.write_text(path, page(found, _PICTURE if picture else None))
    except OSError as error:
        raise LintuneError(f"The comparison could not be written to {path}: {error.strerror or error}.") from error
    return path


def page(found: RunDiff, picture: str | None) -> str:
    """The page. picture: the name of the file beside it that shows the losses."""
    blocks = [
        "# What changed between two runs",
        "\n".join(
            [
                _SIDES,
                f"| run | {plain(found.a.name)} | {plain(found.b.name)} |",
                f"| began | {_began(found.a)} | {_began(found.b)} |",
                f"| state | {found.a.state.value} | {found.b.state.value} |",
            ]
        ),
        *(f"**{side}** {plain(record.problem)}" for side, record in _sides(found) if record.problem),
        *(f"**{side}** {plain(record.damage)}" for side, record in _sides(found) if record.damage),
        "## Recipe",
        _recipe(found),
        "## Data",
        "\n".join(_data(found)),
    ]
    if picture:
        blocks += ["## Loss", f"![Evaluation and training loss of A and B over the steps]({picture})"]
    blocks += ["## Figures", "\n".join([_SIDES, *(_row(*row) for row in figures(found.a, found.b))])]
    return "\n\n".join(blocks) + "\n"


def _sides(found: RunDiff) -> tuple[tuple[str, Record], tuple[str, Record]]:
    return ("A", found.a), ("B", found.b)


def _row(name: str, a: str, b: str) -> str:
    """Where the two differ, that of B is bold."""
    return f"| {plain(name)} | {plain(a)} | {plain(b) if a == b else f'**{plain(b)}**'} |"


def _short(run: Path) -> str:
    """The letters behind the time in a run's name, by which it can be called, too."""
    return run.name.partition("-")[2] or run.name


def _began(record: Record) -> str:
    return f"{record.began.astimezone():%Y-%m-%d %H:%M}" if record.began else "not known"


def _recipe(found: RunDiff) -> str:
    changes = found.recipe
    if changes is None:
        return "The recipe.lock.yaml of one of them cannot be read."
    if not changes:
        return "The same values."
    return "\n".join([_SIDES, *(_row(one.key, value_text(one.a), value_text(one.b)) for one in changes)])


def _data(found: RunDiff) -> Iterator[str]:
    if found.data is None:
        yield "The dataset.lock.json of one of them cannot be read."
        return
    for change in found.data:
        yield from _data_set(change)


def _data_set(change: DataChange) -> Iterator[str]:
    a, b = change.a, change.b
    use = "" if change.use == "train" else ", to evaluate with"
    if a is None or b is None:
        some, side = (a, "A") if a else (b, "B")
        assert some is not None
        yield f"- **{plain(some.path)}** in {side} only, {some.samples:,} samples{use}"
        return
    path = plain(b.path) if a.path == b.path else f"{plain(a.path)} → {plain(b.path)}"
    if change.same:
        yield f"- **{path}** the same {b.samples:,} samples{use}"
        return
    yield f"- **{path}** {a.samples:,} → {b.samples:,} samples{use}"
    if change.problem:
        yield f"  - {plain(change.problem)}"
    if samples := change.samples:
        moved = f", {samples.moved:,} of them moved" if samples.moved else ""
        yield f"  - {samples.unchanged:,} unchanged{moved}"
        for name, lines, whose in samples.named():
            yield f"  - {len(lines):,} {name}: {places(lines)}{whose}"
