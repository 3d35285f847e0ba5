"""Keys that fit at the cursor."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from lintune_schemas.recipe_keys import keys_under
from lintune_server.language_server.recipes import key_page
from lintune_server.language_server.recipes.candidate import Candidate, Sort

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.recipe_keys import RecipeKey
    from lintune_server.language_server.recipes.cursor import Cursor
    from lintune_server.language_server.recipes.nodes import Path

_STEP = 2
"""Spaces by which what is below a key is indented."""

_FIRST = (
    *("base_model", "adapter", "load_in_4bit", "datasets", "test_datasets", "val_set_size", "sequence_len"),
    *("lora_r", "lora_alpha", "lora_dropout", "lora_target_linear", "lora_target_modules"),
    *("micro_batch_size", "gradient_accumulation_steps", "num_epochs", "learning_rate", "lr_scheduler"),
    *("warmup_steps", "optimizer", "lintune", "path", "type"),
)
"""Keys that most recipes have, in the order in which they are written."""


def candidates(cursor: Cursor) -> Iterator[Candidate]:
    """Those that the mapping can have and does not have yet."""
    for known in _known(_shape(cursor.path)):
        if known.key.name not in cursor.present:
            yield _candidate(known, cursor, cursor.path, cursor.column)


def of_items(cursor: Cursor) -> Iterator[Candidate]:
    """Keys with which an item of the list at the cursor can begin; the dash is theirs."""
    path = (*cursor.path, len(cursor.items))
    for known in _known(_shape(path)):
        yield _candidate(known, cursor, path, cursor.column + _STEP)


class _Known(NamedTuple):
    """A key, and what is the same of it wherever it is offered."""

    key: RecipeKey
    summary: str
    page: str
    rank: int


@lru_cache(maxsize=256)
def _known(path: Path) -> list[_Known]:
    """What a mapping can have. Writing the pages of hundreds of keys takes longer than a keystroke may."""
    found = keys_under(path).values()
    return [_Known(key, key_page.summary(key), key_page.page(key), _rank(key)) for key in found]


def _shape(path: Path) -> Path:
    """All items of a list have the same keys."""
    return tuple(0 if isinstance(part, int) else part for part in path)


def _candidate(known: _Known, cursor: Cursor, path: Path, column: int) -> Candidate:
    key = known.key
    text, stop = _text(key, cursor, path, column)
    return Candidate(
        key.name,
        Sort.SECTION if key.kind == "section" else Sort.KEY,
        cursor.lead + text,
        known.summary,
        known.page,
        known.rank,
        None if stop is None else stop + len(cursor.lead),
        key.deprecated,
    )


def _text(key: RecipeKey, cursor: Cursor, path: Path, column: int) -> tuple[str, int | None]:
    """What is inserted for a key, and where in it the cursor is to be; None for the end."""
    if cursor.has_colon:
        return key.name, None
    if cursor.in_brackets:
        return f"{key.name}: ", None
    below = "\n" + " " * (column + _STEP)
    if key.kind == "section":
        return f"{key.name}:{below}", None
    if not key.kind.startswith("list") or " or " in key.kind.replace(" or of", ""):
        return f"{key.name}: ", None
    inner = keys_under((*path, key.name, 0))
    if inner:
        return f"{key.name}:{below}- {'path: ' if 'path' in inner else ''}", None
    return f"{key.name}: []", len(key.name) + 3


def _rank(key: RecipeKey) -> int:
    """Those that everybody writes first, then those that are carried out; deprecated ones last."""
    if key.name in _FIRST and key.carried_out:
        return _FIRST.index(key.name)
    return 300 if key.deprecated else 100 if key.carried_out else 200
