"""Keys that could be written at the cursor of a sample, those left out that its object has already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lintune_schemas.samples import (
    IGNORE_KEY,
    LAYOUTS,
    SEGMENT_LABEL,
    SEGMENT_TEXT,
    TOOL_CALL_ID,
    TOOL_CALLS,
    WEIGHT,
    Kind,
)
from lintune_server.language_server.datasets import skeletons
from lintune_server.language_server.datasets.skeletons import HERE
from lintune_server.language_server.recipes.candidate import Candidate, Sort

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.samples import Layout, Path
    from lintune_server.language_server.datasets.place import Place

_Offer = tuple[str, Any, str]
"""A key, a piece of what stands under it, and what it is in a few words."""

_ONLY = {
    TOOL_CALL_ID: "tool",
    **dict.fromkeys((TOOL_CALLS, WEIGHT, "refusal", "reasoning_content", "thinking"), "assistant"),
}
"""Keys of messages that one role alone has."""
_OF_MESSAGES = {
    TOOL_CALLS: ([skeletons.call(HERE)], "what the assistant calls"),
    TOOL_CALL_ID: (HERE, "the call that this answers"),
    WEIGHT: (0, "0: read, but not learned"),
    "name": (HERE, "of the tool, or of who speaks"),
    "refusal": (HERE, "why the assistant says no"),
    "reasoning_content": (HERE, "what the assistant thinks before it answers"),
    "thinking": (HERE, "what the assistant thinks before it answers"),
}
_OF_CALL: tuple[_Offer, ...] = (
    ("id", HERE, "what its result refers to"),
    ("type", "function", ""),
    ("function", {"name": HERE, "arguments": {}}, "what is called"),
)
_OF_CALLED: tuple[_Offer, ...] = (("name", HERE, "of a declared tool"), ("arguments", {}, "an object, or its text"))
_OF_PART: tuple[_Offer, ...] = (("type", "text", ""), ("text", HERE, ""))
_OF_SEGMENT: tuple[_Offer, ...] = ((SEGMENT_LABEL, True, "whether it is learned"), (SEGMENT_TEXT, HERE, ""))
_OF_TOOL: tuple[_Offer, ...] = (("type", "function", ""), ("function", skeletons.tool()["function"], "its declaration"))
_OF_FUNCTION: tuple[_Offer, ...] = (
    ("name", HERE, "what calls use"),
    ("description", HERE, "what it is for"),
    ("parameters", {"type": "object", "properties": {}}, "a JSON Schema"),
)
_OF_PARAMETERS: tuple[_Offer, ...] = (
    ("type", "object", ""),
    ("properties", {}, "each parameter with its JSON Schema"),
    ("required", [HERE], "names of parameters"),
)
_IN_TOOLS: dict[Path, tuple[_Offer, ...]] = {
    (): _OF_TOOL,
    ("function",): _OF_FUNCTION,
    ("function", "parameters"): _OF_PARAMETERS,
}


def candidates(place: Place) -> Iterator[Candidate]:
    """In the order in which they are usually written."""
    there = place.cursor.around if isinstance(place.cursor.around, dict) else {}
    for rank, (key, value, detail) in enumerate(_offers(place)):
        if key not in there:
            yield _candidate(key, value, detail, rank, place)


def _candidate(key: str, value: Any, detail: str, rank: int, place: Place) -> Candidate:
    name, _ = skeletons.written(key)
    text, stop = name, None
    if place.cursor.follows != ":":
        piece, at = skeletons.written(value)
        text = f"{name}: {piece}{place.cursor.comma}"
        stop = None if at is None else len(name) + 2 + at
    quoted = place.cursor.quoted
    return Candidate(key, Sort.KEY, text[quoted:], detail, rank=rank, stop=None if stop is None else stop - quoted)


def _offers(place: Place) -> Iterator[_Offer]:
    if not place.cursor.path:
        yield from _of_sample(place)
    elif (path := place.within_messages) is not None and place.layout is not None:
        yield from _below_message(place, place.layout, path)
    elif place.below(Kind.SEGMENTS) == ():
        yield from _OF_SEGMENT
    elif (path := place.below(Kind.TOOLS)) is not None:
        yield from _IN_TOOLS.get(path, ())


def _of_sample(place: Place) -> Iterator[_Offer]:
    layout = place.layout
    if layout is not None:
        for one in layout.fields:
            detail = f"{layout.format.value}: {one.kind.value}" + ("" if one.required else ", if any")
            yield one.key, skeletons.first_only(skeletons.of_field(one, layout)), detail
    else:
        for other in LAYOUTS.values():
            for one in other.fields:
                if one.required:
                    detail = f"{other.format.value}: {one.kind.value}"
                    yield one.key, skeletons.first_only(skeletons.of_field(one, other)), detail
    yield IGNORE_KEY, [HERE], "rules that say nothing of this sample"


def _below_message(place: Place, layout: Layout, path: Path) -> Iterator[_Offer]:
    keys = layout.message
    match path:
        case ():
            yield keys.role, HERE, "who speaks"
            yield keys.content, HERE, "what is said"
            for key in keys.known:
                value, detail = _OF_MESSAGES.get(keys.renamed.get(key, key), (HERE, ""))
                if key == keys.learned_by:
                    value, detail = True, "whether it is learned"
                if key not in (keys.role, keys.content) and place.role in (None, _ONLY.get(key, place.role)):
                    yield key, value, detail
        case (key, int()) if key == keys.content:
            yield from _OF_PART
        case ("tool_calls", int()):
            yield from _OF_CALL
        case ("tool_calls", int(), "function"):
            yield from _OF_CALLED
        case ("tool_calls", int(), "function", "arguments"):
            name = place.value_at((*place.cursor.path[:-1], "name"))
            for parameter, schema in place.parameters_of(name).items():
                said = schema.get("description")
                yield parameter, _of_type(schema), said if isinstance(said, str) else f"of {name}"


def _of_type(schema: dict[str, Any]) -> Any:
    match schema.get("type"):
        case "object":
            return {}
        case "array":
            return []
        case "boolean":
            return True
        case "integer" | "number":
            return 0
    return HERE
