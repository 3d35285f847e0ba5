"""Working out what is to be expected of a recipe's training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas.recipe import real_path
from lintune_server.hardware import estimate as estimates
from lintune_server.hardware import words
from lintune_server.language_server.recipes.outlook import FileNumbers, Outlook, unknown
from lintune_server.lint import scanning
from lintune_server.lint.context import Context
from lintune_server.lint.recipe_source import RecipeSource

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_schemas.recipe import Recipe
    from lintune_server.hardware.estimate import Estimate
    from lintune_server.hardware.machine import Machine
    from lintune_server.lint.scanning import Scan

_LARGEST = 32 << 20
"""Bytes of a file that is counted for an outlook, as for the rules on recipes."""


def of_recipe(text: str, path: Path, machine: Machine | None = None) -> Outlook:
    """Of a recipe as it is being edited. Reads its data sets, which takes seconds for large ones."""
    source = RecipeSource(text, path, machine)
    if source.error is not None:
        return unknown(f"{source.error.message} (line {source.error.range.start.line + 1})")
    recipe = source.recipe
    if recipe is None:
        return unknown("there is no base_model yet")
    files = _files(recipe, path)
    found = estimates.estimate(recipe, source.model, source.data, source.machine)
    troubles = _troubles(recipe, path, source, files)
    parts = [*_amount(found), *_cost(found, source.machine)]
    if not parts:
        return Outlook(f"No estimate: {troubles[0] if troubles else 'nothing is known'}", _page(found, troubles), files)
    return Outlook(" · ".join([*parts, *troubles[:1]]), _page(found, troubles), files)


def _files(recipe: Recipe, path: Path) -> dict[str, FileNumbers]:
    context = Context(path, recipe)
    found = {}
    for entry in (*recipe.datasets, *recipe.test_datasets):
        file = real_path(path.parent / entry.path)
        if entry.path not in found and _size(file) in range(_LARGEST + 1):
            scan = scanning.peer_scan(file, context)
            if scan is not None:
                found[entry.path] = _numbers(scan)
    return found


def _numbers(scan: Scan) -> FileNumbers:
    samples, format_ = len(scan.data), scan.format
    if scan.context.tokenizer is None:
        return FileNumbers(samples, format_)
    tokens = scan.part.tokens
    return FileNumbers(samples, format_, sum(tokens), sum(scan.part.trained_tokens), max(tokens, default=None))


def _amount(found: Estimate) -> list[str]:
    """How much is learned."""
    parts = []
    if found.samples is not None:
        parts.append(_count(found.samples, "sample"))
        if found.epochs is not None and found.epochs != 1:
            parts[-1] += f" × {found.epochs:.3g}"
    if found.tokens is not None:
        parts.append(_count(found.tokens, "token"))
    if found.steps is not None:
        parts.append(_count(found.steps, "step"))
    return parts


def _cost(found: Estimate, machine: Machine) -> list[str]:
    """Time and memory."""
    parts = []
    if found.seconds is not None:
        parts.append(f"about {words.time(max(found.seconds.likely, 1))}")
    if found.memory is not None:
        peak, room = found.memory.peak, machine.room
        if room is None:
            parts.append(f"{words.size(peak)} of memory")
        elif peak <= room:
            parts.append(f"{words.size(peak)} of {words.size(room)} memory")
        else:
            parts.append(f"does not fit: {words.size(peak)} of {words.size(room)} memory")
    return parts


def _page(found: Estimate, troubles: list[str]) -> str:
    lines = []
    if amount := _amount(found):
        lines.append(f"A training reads {', '.join(amount)}.")
    if found.seconds is not None:
        lines.append(f"It takes {words.span(found.seconds.least, found.seconds.most)} on this machine.")
    if found.memory is not None:
        parts = ", ".join(f"{name} {words.size(size)}" for name, size in found.memory.parts.items() if size)
        lines.append(f"At its peak it needs {words.size(found.memory.peak)} of memory: {parts}.")
    if troubles:
        lines.append(f"Not all is known: {'; '.join(troubles)}.")
    return "\n".join(lines)


def _troubles(recipe: Recipe, path: Path, source: RecipeSource, files: dict[str, FileNumbers]) -> list[str]:
    """Why something is not known, the first reason first."""
    found = []
    if not recipe.datasets:
        found.append("no data sets yet")
    for entry in recipe.datasets:
        if entry.path not in files:
            size = _size(real_path(path.parent / entry.path))
            found.append(
                f"there is no {entry.path} here"
                if size is None
                else f"{entry.path} is too large to be counted while one edits"
                if size > _LARGEST
                else f"{entry.path} cannot be read"
            )
    if source.model is None:
        found.append(f"{recipe.base_model} is not on this machine")
    elif source.data is not None and source.data.tokens is None:
        # They are counted as the recipe on disk says, which may name another model or none.
        is_saved = path.is_file() and all(numbers.tokens is None for numbers in files.values())
        found.append(
            f"tokens are not counted: the tokenizer of {recipe.base_model} is not on this machine"
            if is_saved
            else "tokens are counted once the recipe is saved"
        )
    return found


def _size(file: Path) -> int | None:
    """The bytes of a file; None where there is none."""
    try:
        return file.stat().st_size if file.is_file() else None
    except (OSError, ValueError):  # a NUL in the path
        return None


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
