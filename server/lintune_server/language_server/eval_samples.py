"""The first samples of a recipe's eval set, as they are on disk: those that models are asked about by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintune_schemas import recipe as recipes
from lintune_schemas.errors import LintuneError
from lintune_server.language_server.prompts import PromptedSample
from lintune_server.lint import context as lint_context
from lintune_server.lint.dataset import DatasetLinter

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST_READ = 1 << 20
"""Characters of an eval set: its first samples are in them."""


@dataclass(frozen=True, slots=True)
class EvalSample:
    path: Path
    line: int
    """0-based."""
    prompted: PromptedSample


def first(recipe_path: Path, most: int) -> list[EvalSample]:
    """So many samples of `test_datasets` that can be read; none where the recipe cannot."""
    found: list[EvalSample] = []
    try:
        recipe = recipes.load(recipe_path)
    except LintuneError:
        return found
    for entry in recipe.test_datasets:
        path = recipes.real_path(recipe_path.parent / entry.path)
        context = lint_context.context_for(path, recipe_path)
        try:
            with path.open(encoding="utf-8", errors="replace") as file:
                lines = file.read(_LONGEST_READ).split("\n")
        except OSError:
            continue
        linter = DatasetLinter(path, context)
        for number, line in enumerate(lines[: most - len(found)]):
            inspection = linter.inspect(line.removesuffix("\r"))
            if inspection:
                found.append(EvalSample(path, number, PromptedSample(inspection, context)))
    return found
