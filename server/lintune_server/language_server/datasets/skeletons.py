"""New pieces of samples, empty where a person writes: the first such place is where the cursor goes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lintune_schemas.samples import FUNCTION_CALL, ROLES, SEGMENT_LABEL, SEGMENT_TEXT, Kind

if TYPE_CHECKING:
    from lintune_schemas.samples import Field, Layout, MessageKeys

HERE = "\ue000"
"""Where the cursor goes: a character that stands for nothing."""


def written(value: Any) -> tuple[str, int | None]:
    """A piece as JSON, and where in it the cursor goes; None for its end."""
    text = json.dumps(value, ensure_ascii=False)
    at = text.find(HERE)
    return (text, None) if at < 0 else (text.replace(HERE, ""), at)


def sample(layout: Layout) -> Any:
    """A whole sample with its required keys."""
    found = {one.key: of_field(one, layout) for one in layout.fields if one.required}
    return first_only(found)


def of_field(field: Field, layout: Layout) -> Any:
    """A value of a sample's key."""
    match field.kind:
        case Kind.MESSAGES:
            return [message(layout.message, role) for role in ("user", "assistant")]
        case Kind.SEGMENTS:
            return [segment(label) for label in (False, True)]
        case Kind.TOOLS:
            return [tool()]
        case Kind.FLAG:
            return True
    return HERE


def message(keys: MessageKeys, role: str) -> dict[str, Any]:
    return {keys.role: name_of(keys, role), keys.content: HERE}


def name_of(keys: MessageKeys, role: str) -> str:
    """The usual name of a role, which is the first."""
    return next((name for name, target in keys.roles.items() if target == role and name != FUNCTION_CALL), role)


def usual_names(keys: MessageKeys) -> list[str]:
    return [name_of(keys, role) for role in ROLES if role in keys.roles.values()]


def segment(label: bool) -> dict[str, Any]:
    return {SEGMENT_LABEL: label, SEGMENT_TEXT: HERE}


def call(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "arguments": {}}}


def tool() -> dict[str, Any]:
    parameters = {"type": "object", "properties": {}, "required": []}
    return {"type": "function", "function": {"name": HERE, "description": "", "parameters": parameters}}


def first_only(value: Any) -> Any:
    """The piece with its first place for the cursor only; the others are empty."""
    first = json.dumps(value, ensure_ascii=False)
    at = first.find(HERE) + 1
    piece: Any = json.loads(first[:at] + first[at:].replace(HERE, ""))
    return piece
