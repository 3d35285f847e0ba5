"""JSON Schemas that come with a data set: whether they are any, and whether a value is as they say."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from lintune_server.lint.words import json_kind, listed

if TYPE_CHECKING:
    import jsonschema_rs

_TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "a text",
}
_OTHER_TYPES = {
    "str": "string",
    "text": "string",
    "int": "integer",
    "float": "number",
    "double": "number",
    "bool": "boolean",
    "list": "array",
    "tuple": "array",
    "dict": "object",
    "map": "object",
    "none": "null",
}
"""What programming languages call them; compared without case."""


_REFERENCE = re.compile(r"(?:Resource|Pointer) '([^']*)'")


class Violation(NamedTuple):
    message: str
    path: tuple[str | int, ...]
    """Where in the value, or in the schema that is none."""


def schema_fault(schema: bytes) -> Violation | None:
    """Why a value (as JSON) is no JSON Schema; None when it is one, by any draft in use (2020-12, 7, 4)."""
    return _compiled(schema)[1]


def violations(schema: bytes, value: Any) -> list[Violation]:
    """How a value breaks a JSON Schema. Empty for what is no schema."""
    validator = _compiled(schema)[0]
    try:
        if validator is None or validator.is_valid(value):
            return []
        return [_said(error) for error in validator.iter_errors(value)]
    except ValueError:  # nested too deep
        return []


@lru_cache(maxsize=2048)
def _compiled(schema: bytes) -> tuple[jsonschema_rs.Validator | None, Violation | None]:
    # Compiled, so that large files are checked in seconds, and safe with patterns and references of strangers: their
    # matching is bounded, and nothing is fetched.
    import jsonschema_rs

    fault: Violation | None = None
    drafts = (jsonschema_rs.Draft202012Validator, jsonschema_rs.Draft7Validator, jsonschema_rs.Draft4Validator)
    for draft in drafts:
        try:
            return draft(orjson.loads(schema), retriever=_refuse), None
        except jsonschema_rs.ValidationError as error:
            fault = fault or _said(error)
        except ValueError:
            return None, Violation("it is nested too deep", ())
    return None, fault


def _refuse(uri: str) -> Any:
    raise ValueError(uri)


def _said(error: jsonschema_rs.ValidationError) -> Violation:
    path, found, facts = tuple(error.instance_path), error.instance, error.kind.as_dict()
    name = str(path[-1]) if path and isinstance(path[-1], str) else "this"
    match error.kind.name:
        case "required":
            message = f"{facts['property']} is missing"
        case "additionalProperties":
            message = f"there is no {listed(facts['unexpected'], 'or')}"
        case "type":
            wanted = listed(sorted(_TYPES.get(type_, type_) for type_ in facts["types"]), "or")
            message = f"{name} must be {wanted}, and this is {json_kind(found)}"
        case "enum":
            message = f"{name} must be {listed(map(_shown, facts['options']), 'or')}, and this is {_shown(found)}"
        case "anyOf" if name == "type" and isinstance(found, str):  # of the schema of schemas
            meant = _OTHER_TYPES.get(found.lower()) or (found.lower() if found.lower() in _TYPES else None)
            message = f"{found} is no type{f': write {meant}' if meant else ''}"
        case _ if quoted := _REFERENCE.match(error.message):
            message = f"it refers to {quoted.group(1)}, which is not in it"
        case _:
            message = error.message
    return Violation(message, path)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and len(value) <= 40 else json_kind(value)
