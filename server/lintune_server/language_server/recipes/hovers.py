"""What is shown of a key or a value of a recipe when a pointer rests on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas.recipe_keys import key_at
from lintune_server.language_server.recipes import key_page, meanings
from lintune_server.language_server.recipes.outline import Outline

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lintune_server.language_server.recipes.nodes import Node, Span
    from lintune_server.language_server.recipes.outlook import Outlook


def at(
    lines: Sequence[str], line: int, column: int, folder: Path | None, outlook: Outlook | None
) -> tuple[Span, str] | None:
    """The piece of the line that is meant, and Markdown about it; None where there is nothing to say.

    outlook: of the recipe, as far as it is known. Looks into the base model's files.
    """
    root = Outline(lines, line).root
    for node in root.walk():
        for span in (node.name, node.value):
            if span is not None and span.has(line, column):
                page = _page(node, root, lines, folder, outlook, of_value=span is node.value)
                return (span, page) if page else None
    return None


def _page(
    node: Node, root: Node, lines: Sequence[str], folder: Path | None, outlook: Outlook | None, *, of_value: bool
) -> str:
    path = node.path
    shown = next((path[:end] for end in range(len(path), 0, -1) if isinstance(path[end - 1], str)), ())
    key = key_at(shown)
    said = meanings.of(meanings.Place(path, node, root, lines, folder, outlook)) if of_value else ""
    if key is None:
        return said
    return "\n\n".join(part for part in (f"**{_name(shown)}**", said, key_page.page(key)) if part)


def _name(path: Sequence[str | int]) -> str:
    """A path as people write it: `datasets[].type`."""
    words = ""
    for part in path:
        words += "[]" if isinstance(part, int) else f".{part}" if words else part
    return f"`{words}`"
