"""The loss of a run over its steps as a picture: loss.svg and loss.png in its directory."""

from __future__ import annotations

import logging
import traceback
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from lintune_schemas import atomic, history, loss_curve, runs
from lintune_schemas.errors import LintuneError
from lintune_schemas.loss_curve import thinned

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from lintune_schemas.loss_curve import LossCurve, Point
    from lintune_trainer.run import Run

PICTURES = ("loss.svg", "loss.png")
"""In a run directory."""

_POINTS = 2_000
"""Of a curve, the most that are drawn: some for each of the picture's pixels across."""
_GREY, _BLUE, _ORANGE = "#767676", "#3b82c4", "#d9722e"
"""Of a contrast of 3 to 1 and more with white and with the dark grey of editors, since the background is theirs."""
_STYLE: dict[Any, Any] = {
    "text.color": _GREY,
    "axes.labelcolor": _GREY,
    "axes.edgecolor": _GREY,
    "xtick.color": _GREY,
    "ytick.color": _GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 10,
    "svg.fonttype": "none",  # text as text: a third of the size of outlines, and it can be searched
    "svg.hashsalt": "lintune",  # the same run gives the same file
}


def of_run(run: Run) -> None:
    """Draw a run that trained into its directory. A picture that fails is worth a warning, and not the run."""
    try:
        draw(run.folder, [run.folder / name for name in PICTURES])
    except LintuneError as error:
        run.warn(str(error))
    except Exception as error:
        traceback.print_exc()
        run.warn(f"The loss could not be drawn ({error}). Draw it with: lintune runs show {run.name} --plot loss.svg")


def draw(run: Path, pictures: Iterable[Path]) -> bool:
    """Draw a run into files, as SVG or PNG by their suffixes; False when it has no losses to draw.

    Raises LintuneError without matplotlib, OSError when a file cannot be written.
    """
    curve = loss_curve.of(history.of(runs.read_events(run)))
    if not curve.train and not curve.evaluation:
        return False
    if find_spec("matplotlib") is None:
        raise LintuneError("Pictures need matplotlib. Install it with: pip install 'lintune[train]'")
    import matplotlib as mpl  # here: it takes half a second, and a run begins without it

    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # that it makes a list of fonts, once
    with mpl.rc_context(_STYLE):
        figure = _figure(curve, run.name)
        for picture in pictures:
            kind = picture.suffix.lower().removeprefix(".")
            undated = {"Date": None} if kind == "svg" else None
            with atomic.new_file(picture) as partial:
                figure.savefig(partial, format=kind, dpi=160, transparent=True, metadata=undated)
    return True


def _figure(curve: LossCurve, name: str) -> Any:
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.add_subplot(xlabel="optimizer step", ylabel="loss")
    axes.set_title(name, fontsize=10, loc="left")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color=_GREY, alpha=0.25, linewidth=0.6)
    if curve.base is not None:
        axes.axhline(curve.base, color=_GREY, linewidth=1.2, linestyle=(0, (4, 3)), label="evaluation, base model")
    if curve.train:
        axes.plot(*_xy(curve.train), color=_BLUE, alpha=0.35, linewidth=0.8, label="training")
        axes.plot(*_xy(curve.smoothed), color=_BLUE, linewidth=1.8, label="training, smoothed")
    if curve.evaluation:
        axes.plot(*_xy(curve.evaluation), color=_ORANGE, linewidth=1.2, marker="o", markersize=4.5, label="evaluation")
    if curve.best and len(curve.evaluation) > 1:
        step, loss = curve.best
        label = f"best: {loss:.3f} at step {step:,}"
        axes.plot([step], [loss], color=_ORANGE, marker="*", markersize=14, linestyle="", label=label)
    axes.margins(x=0.02)
    axes.legend(frameon=False, fontsize=9)
    return figure


def _xy(points: Sequence[Point]) -> tuple[list[int], list[float]]:
    shown = thinned(points, _POINTS)
    return [point.step for point in shown], [point.loss for point in shown]
