"""What the training stage of a run is given, whatever engine carries it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lintune_trainer import adapter, models

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_schemas.plan import Plan
    from lintune_schemas.recipe import Recipe
    from lintune_trainer.data import Sample
    from lintune_trainer.device import Device
    from lintune_trainer.run import Run


class HeldModel:
    """The base model, loaded when it is first asked for, and the tuned one that an engine makes of it in place."""

    def __init__(self, weights: Path, recipe: Recipe, device: Device) -> None:
        self._weights = weights
        self._recipe = recipe
        self._device = device
        self._base: Any = None
        self._tuned: Any = None

    def base(self) -> Any:
        """The base model without an adapter, as `models.load_for_training` gives it."""
        if self._base is None:
            self._base = models.load_for_training(self._weights, self._recipe, self._device)
            self._device.free_memory()  # copies that were quantized
        return self._base

    def keep(self, tuned: Any) -> None:
        """An engine in this process has put an adapter around the base model, and trained it."""
        self._base, self._tuned = None, tuned

    def tuned(self, folder: Path) -> Any:
        """The tuned model: the one that was kept, or the base model with the adapter in `folder`."""
        if self._tuned is None:
            self._tuned = adapter.load(self.base(), folder)
            self._base = None
        return self._tuned

    def release(self) -> None:
        """Give the memory back, to other processes or to stages that load whole weights."""
        self._base = self._tuned = None
        self._device.free_memory()


@dataclass(frozen=True, slots=True)
class Job:
    """An engine trains on `train`, reports to `run`, and leaves the adapter, as PEFT saves it, in
    `export.adapter_folder`."""

    run: Run
    recipe: Recipe
    recipe_path: Path
    weights: Path
    """The base model's folder."""
    model: HeldModel
    train: list[Sample]
    evaluation: list[Sample]
    """Perhaps none."""
    plan: Plan
    device: Device
    checkpoint: Path | None
    """Of an earlier part of this run, to go on from."""
    adapter: Path | None
    """Of another run, whose weights to start with (a warm start)."""
