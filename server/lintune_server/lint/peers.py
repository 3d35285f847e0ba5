"""The data sets of a recipe: a sample may be wrong only because of what is in another file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintune_schemas.recipe import real_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lintune_server.lint.context import Context
    from lintune_server.lint.data_set import DataSet


@dataclass(frozen=True, slots=True)
class Peers:
    """Where a recipe's data sets are, and how one of them is read."""

    training: tuple[Path, ...] = ()
    evaluation: tuple[Path, ...] = ()
    read: Callable[[Path], DataSet | None] = lambda _: None
    """None for a file that is not there or cannot be read."""

    @classmethod
    def of(cls, context: Context, read: Callable[[Path], DataSet | None]) -> Peers:
        if context.recipe is None or context.recipe_path is None:
            return cls()
        folder = context.recipe_path.parent
        return cls(
            tuple(real_path(folder / entry.path) for entry in context.recipe.datasets),
            tuple(real_path(folder / entry.path) for entry in context.recipe.test_datasets),
            read,
        )

    def introduce(self, data: DataSet) -> None:
        """Tell a data set of the others; in their lists it stands for its own path itself."""
        own = real_path(data.path)
        data.trained_on, data.evaluated_with = own in self.training, own in self.evaluation
        if not data.trained_on and not data.evaluated_with:
            data.training, data.evaluation = (data,), ()
            return

        def found(paths: tuple[Path, ...]) -> list[DataSet]:
            each = (data if path == own else self.read(path) for path in dict.fromkeys(paths))
            return [one for one in each if one is not None]

        data.training, data.evaluation = found(self.training), found(self.evaluation)
