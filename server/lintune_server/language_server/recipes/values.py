"""Values that fit at the cursor: what a key may be, and what is known of models, data, modules and rules."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import yaml

from lintune_schemas.recipe_keys import key_at
from lintune_server.language_server.recipes import base_models, choices, data_files
from lintune_server.language_server.recipes.candidate import Candidate, Sort
from lintune_server.language_server.recipes.key_page import written
from lintune_server.language_server.recipes.outline import Outline
from lintune_server.language_server.recipes.scalars import unquoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path as FilePath

    from lintune_server.language_server.recipes.cursor import Cursor
    from lintune_server.language_server.recipes.nodes import Path

_NO_TEXTS = ("true", "false", "null")


def candidates(lines: Sequence[str], cursor: Cursor, typed: str, folder: FilePath | None) -> Iterator[Candidate]:
    """Values for the path of the cursor; for a list that is not begun yet, its items in brackets.

    typed: what stands before the cursor already, without a quote.
    """
    others = _others(lines, cursor)
    for one in _known(lines, cursor.path, typed, folder):
        if one.label not in others and (one.sort is not Sort.NUMBER or not cursor.quote):
            yield _in_place(one, cursor)
    key = key_at(cursor.path)
    if key is not None and "list" in key.kind and not cursor.item and not cursor.quote:
        for one in _known(lines, (*cursor.path, 0), typed, folder):
            yield replace(one, text=f"{cursor.lead}[{_plain(one.label, True)}]")


def of_items(lines: Sequence[str], cursor: Cursor, typed: str, folder: FilePath | None) -> Iterator[Candidate]:
    """Values of which one can be an item of the list at the path of the cursor."""
    others = _others(lines, cursor)
    for one in _known(lines, (*cursor.path, len(cursor.items)), typed, folder):
        if one.label not in others:
            yield _in_place(one, cursor)


def _known(lines: Sequence[str], path: Path, typed: str, folder: FilePath | None) -> Iterator[Candidate]:
    """Values for a path, as they are without YAML's quotes."""
    match tuple(0 if isinstance(part, int) else part for part in path):
        case ("base_model",):
            yield from base_models.candidates(folder, typed)
        case ("datasets" | "test_datasets", 0, "path"):
            yield from data_files.candidates(folder, typed)
        case ("datasets" | "test_datasets", 0, "type"):
            yield from choices.SAMPLE_TYPES
        case ("datasets" | "test_datasets", 0, "roles_to_train", 0):
            yield from choices.ROLES
        case ("datasets" | "test_datasets", 0, *_, str() as key) if (
            "field" in key or "message_property_mappings" in path
        ):
            yield from data_files.keys_of_samples(folder, _text_at(lines, (*path[:2], "path")))
        case ("lora_target_modules", 0):
            yield from base_models.modules(_text_at(lines, ("base_model",)), folder)
        case ("lora_target_modules",):
            yield choices.ALL_LINEAR
        case ("lintune", "lint", "select" | "ignore", 0) | ("lintune", "lint", "per-file-ignores", str(), 0):
            yield from choices.rule_codes()
        case shape:
            yield from _choices(shape)


def _choices(path: Path) -> Iterator[Candidate]:
    """What the key can be by its type; of a list, what an item can be."""
    key = key_at(path[:-1] if path and path[-1] == 0 else path)
    if key is None or (path[-1] == 0) != key.kind.startswith("list"):
        return
    default = None if key.default is None else written(key.default)
    known = choices.known(key)
    for rank, choice in enumerate(known):
        carried_out = choice in choices.carried_out(key)
        words = ["default"] if choice == default else []
        words += [] if carried_out else ["not by the built-in trainer"]
        yield Candidate(
            choice,
            Sort.NUMBER if choice in _NO_TEXTS else Sort.CHOICE,
            detail=", ".join(words),
            rank=rank if carried_out else rank + 100,
            preselected=choice == default,
        )
    if default is not None and default not in known and not isinstance(key.default, list | dict):
        yield Candidate(default, Sort.NUMBER, detail="default")


def _in_place(one: Candidate, cursor: Cursor) -> Candidate:
    """The candidate as it is to be written there: in quotes where YAML would read something else."""
    if one.sort is Sort.NUMBER:
        return replace(one, text=cursor.lead + one.label)
    text = _quoted(one.inserted, cursor.quote) if cursor.quote else _plain(one.inserted, cursor.in_brackets)
    # Behind a folder its files are chosen next: the second quote can wait.
    closing = "" if one.sort is Sort.FOLDER else cursor.closing
    return replace(one, text=cursor.lead + text + closing)


def _plain(text: str, in_brackets: bool) -> str:
    """A text as YAML reads it, without quotes where it can be."""
    try:
        read = yaml.safe_load(f"[{text}]" if in_brackets else text)
    except yaml.YAMLError:
        read = None
    return text if read == ([text] if in_brackets else text) else json.dumps(text, ensure_ascii=False)


def _quoted(text: str, quote: str) -> str:
    return text.replace("'", "''") if quote == "'" else json.dumps(text, ensure_ascii=False)[1:-1]


def _others(lines: Sequence[str], cursor: Cursor) -> set[str]:
    """The other items of the list."""
    return {unquoted(lines[span.line][span.start : span.end]) for span in cursor.items}


def _text_at(lines: Sequence[str], path: Path) -> str:
    """The scalar at a path of the recipe; nothing where there is none."""
    node = Outline(lines).root.at(path)
    return unquoted(lines[node.value.line][node.value.start : node.value.end]) if node and node.value else ""
