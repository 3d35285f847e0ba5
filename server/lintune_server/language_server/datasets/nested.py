"""JSON inside of a text: the arguments of a call as OpenAI writes them, and the calls of ShareGPT."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from lintune_schemas.samples import FUNCTION_CALL, TOOL_CALLS
from lintune_server.language_server.datasets import cursor as cursors
from lintune_server.lint import json_source

if TYPE_CHECKING:
    from lintune_schemas.samples import Path
    from lintune_server.language_server.datasets.place import Place
    from lintune_server.language_server.recipes.candidate import Candidate


class Inside(NamedTuple):
    """The cursor's place as if the text's JSON stood in the sample itself."""

    place: Place
    columns: tuple[int, int]
    """Of the line: what is written at the cursor already."""


def look_into(place: Place, line: str) -> Inside | None:
    """None where the cursor is in no such text."""
    cursor, path = place.cursor, place.within_messages
    if path is None or not cursor.quoted or cursor.is_key or place.layout is None:
        return None
    keys = place.layout.message
    if path[:1] == (TOOL_CALLS,) and path[2:] == ("function", "arguments"):
        stands_at, holder, key = cursor.path, place.value_at(cursor.path[:-1]), "arguments"
    elif place.message.get(keys.role) == FUNCTION_CALL and path == (keys.content,):
        stands_at, holder, key = (*cursor.path[:2], TOOL_CALLS, 0, "function"), {}, "function"
        place.message[TOOL_CALLS] = [holder]
    else:
        return None
    return _inside(place, line, stands_at, holder, key) if isinstance(holder, dict) else None


def _inside(place: Place, line: str, stands_at: Path, holder: dict[str, object], key: str) -> Inside:
    outer = place.cursor
    literal = line[outer.start : outer.end]
    closed = literal if cursors.is_closed(literal, 0, len(literal)) else f'{literal}"'
    offsets = json_source.StringOffsets(closed, outer.start)
    inner = cursors.find(json_source.decode(closed), len(outer.typed))
    holder[key] = inner.sample
    cursor = replace(inner, path=(*stands_at, *inner.path), sample=outer.sample)
    columns = offsets.raw(inner.start + inner.quoted), offsets.raw(inner.end)
    return Inside(replace(place, cursor=cursor), columns)


def escaped(candidate: Candidate) -> Candidate:
    """As it is written inside of a text."""
    text, stop = candidate.inserted, candidate.stop
    at = None if stop is None else len(_escaped(text[:stop]))
    return replace(candidate, text=_escaped(text), stop=at)


def _escaped(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]
