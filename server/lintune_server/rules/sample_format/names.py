"""Names of keys: the known one that was probably meant, and how to put it there."""

from __future__ import annotations

import json
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING

from lintune_schemas.samples import IGNORE_KEY
from lintune_server.lint.problems import Change, Key, Remedy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lintune_schemas.samples import Path

_SIMILAR = 0.8
"""Of `difflib`: a letter too many or too few in words of four letters and more. At 0.75, `game` would be `name`."""

PROMPTS = ("prompt", "question", "query", "input", "request", "problem", "user", "human", "source", "q")
ANSWERS = ("completion", "answer", "response", "reply", "output", "solution", "assistant", "gpt", "bot", "target", "a")
"""Names that data sets have for the two sides of one exchange."""

_OTHER_NAMES = {
    **dict.fromkeys(PROMPTS, ("prompt", "instruction")),
    **dict.fromkeys(ANSWERS, ("completion", "output")),
    "context": ("input",),
    "system_prompt": ("system",),
    "functions": ("tools",),
    "function_call": ("tool_calls",),
    "from": ("role",),
    "value": ("content",),
    "role": ("from",),
    "content": ("value",),
}
"""Names in use for the same things: Dolly's, OpenOrca's, OpenAI's old ones, ShareGPT's and OpenAI's."""


@lru_cache(maxsize=4096)
def meant(keys: tuple[str, ...], known: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Pairs of a key that is not known and the known key, not there, that it is most likely meant to be."""
    absent = [key for key in known if key not in keys]
    found: list[tuple[str, str]] = []
    for key in keys:
        if key in known or key == IGNORE_KEY:
            continue
        if match := _match(key, absent):
            found.append((key, match))
            absent.remove(match)
    return tuple(found)


def _match(key: str, absent: list[str]) -> str | None:
    plain = key.lower().strip("_ ")
    near = [name for name in absent if sorted(name) == sorted(plain)] or get_close_matches(plain, absent, 1, _SIMILAR)
    other = (name for name in _OTHER_NAMES.get(plain, ()) if name in absent)
    return near[0] if near else next(other, None)


def is_misspelt(key: str, name: str) -> bool:
    """Whether a key is a misspelling of a name, not another name for the same."""
    return name not in _OTHER_NAMES.get(key.lower().strip("_ "), ())


def rename(path: Path, names: Iterable[tuple[str, str]], *, safe: bool) -> Remedy:
    """Give keys of the object at a path other names."""
    pairs = list(names)
    title = ", ".join(f"{old} to {new}" for old, new in pairs)
    changes = (Change(Key((*path, old)), json.dumps(new, ensure_ascii=False)) for old, new in pairs)
    return Remedy(f"Rename {title}", tuple(changes), safe)
