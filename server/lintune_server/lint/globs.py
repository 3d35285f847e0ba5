"""Which names and paths a glob means.

Not by a regular expression: one of `*a*a*a*a*a*a*b` takes for ever on a name that does not fit.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_PARTS = re.compile(r"\*\*/|\*\*|\*|\?|\[!?[^\]]+\]|.", re.DOTALL)


def fits(glob: str, path: str) -> bool:
    """Whether a path is meant. `*` and `?` stay within a folder's name, `**` goes through folders.

    Takes time in proportion to the product of both lengths: it goes through the path once, and keeps every place in the
    glob that can be reached.
    """
    parts = _parts(glob)
    places = _with_skipped(parts, {0})
    for character in path:
        places = _with_skipped(parts, {to for place in places for to in _next(parts, place, character)})
    return len(parts) in places


@cache
def _parts(glob: str) -> tuple[str, ...]:
    """`**/` counts twice: as the folders it may stand for, and as being inside of one of them."""
    parts = _PARTS.findall(glob)
    return tuple(part for whole in parts for part in ((whole, "…/") if whole == "**/" else (whole,)))


def _with_skipped(parts: tuple[str, ...], places: set[int]) -> set[int]:
    """With the places behind what may stand for nothing."""
    reached, waiting = set(places), list(places)
    while waiting:
        place = waiting.pop()
        part = parts[place] if place < len(parts) else ""
        steps = {"*": (1,), "**": (1,), "**/": (1, 2)}.get(part, ())
        for to in (place + step for step in steps):
            if to not in reached:
                reached.add(to)
                waiting.append(to)
    return reached


def _next(parts: tuple[str, ...], place: int, character: str) -> Iterable[int]:
    """Where a character leads to."""
    match parts[place] if place < len(parts) else "":
        case "*":
            return (place,) if character != "/" else ()
        case "**":
            return (place,)
        case "…/":
            return (place, place + 1) if character == "/" else (place,)
        case "?":
            return (place + 1,) if character != "/" else ()
        case part if len(part) > 2 and part.startswith("["):
            return (place + 1,) if _class(part)(character) else ()
        case part:
            return (place + 1,) if part == character else ()


@cache
def _class(part: str) -> Callable[[str], object]:
    """`[a-z]`, `[!ab]`; one that cannot be understood, as `[z-a]`, is what stands in it."""
    negated = part[1] == "!"
    inside = part[2 if negated else 1 : -1].replace("\\", "\\\\").replace("^", "\\^").replace("[", "\\[")
    try:
        return re.compile(f"[{'^' if negated else ''}{inside}]", re.DOTALL).fullmatch
    except re.error:
        return set(part[1:-1]).__contains__
