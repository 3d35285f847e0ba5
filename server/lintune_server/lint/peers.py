"""The data sets of a recipe: a sample may be wrong only because of what is in another file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
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
            tuple((folder / entry.path).resolve() for entry in context.recipe.datasets),
            tuple((folder / entry.path).resolve() for entry in context.recipe.test_datasets),
            read,
        )

    def around(self, data: DataSet) -> tuple[Sequence[DataSet], Sequence[DataSet]]:
        """The data sets trained on and those evaluated with; `data` itself stands for its own path."""
        own = data.path.resolve()
        if own not in self.training and own not in self.evaluation:
            return (data,), ()

        def found(paths: tuple[Path, ...]) -> list[DataSet]:
            each = (data if path == own else self.read(path) for path in dict.fromkeys(paths))
            return [one for one in each if one is not None]

        return found(self.training), found(self.evaluation)
