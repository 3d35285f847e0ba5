"""From a recipe to the files that it names, and from a data set back to the recipe's entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lintune_schemas import base_model
from lintune_schemas.base_model import ModelKind
from lintune_schemas.errors import LintuneError
from lintune_schemas.recipe import real_path
from lintune_server.language_server.recipes.outline import Outline
from lintune_server.language_server.recipes.scalars import unquoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lintune_server.language_server.recipes.nodes import Node, Span

_HUB = "https://huggingface.co/"


class Link(NamedTuple):
    span: Span
    """Where in the recipe."""
    file: Path | None
    page: str = ""
    """The address of a model on the hub, when there is no file."""


def of_recipe(lines: Sequence[str], folder: Path) -> Iterator[Link]:
    """Every data set and model that is named and is there."""
    for node in Outline(lines).root.walk():
        if node.value is None:
            continue
        text = unquoted(lines[node.value.line][node.value.start : node.value.end])
        if _is_data_path(node):
            file = _existing(folder, text)
            if file is not None:
                yield Link(node.value, file)
        elif node.path == ("base_model",) and text:
            yield from _model(node.value, text, folder)


def entry_of(lines: Sequence[str], folder: Path, data: Path) -> Span | None:
    """Where a recipe lists a data set; None when it does not."""
    wanted = real_path(data)
    for node in Outline(lines).root.walk():
        if node.value is not None and _is_data_path(node):
            text = unquoted(lines[node.value.line][node.value.start : node.value.end])
            if _existing(folder, text) == wanted:
                return node.value
    return None


def _is_data_path(node: Node) -> bool:
    match node.path:
        case ("datasets" | "test_datasets", int(), "path"):
            return True
    return False


def _existing(folder: Path, name: str) -> Path | None:
    try:
        file = real_path(folder / name)
        return file if name and file.exists() else None
    except (OSError, ValueError):  # a name that is too long, a NUL in it
        return None


def _model(span: Span, name: str, folder: Path) -> Iterator[Link]:
    from lintune_schemas import starter_models  # a start without it is quicker

    try:
        found = base_model.find(name, folder)
    except (LintuneError, OSError, ValueError):
        found = None
    if found is not None and found.path is not None:
        config = found.path / "config.json"
        yield Link(span, config if found.kind is ModelKind.FOLDER else found.path)
    elif starter := starter_models.by_name(name):
        yield Link(span, None, f"{_HUB}{starter.id}")
