"""JSON Schemas of types as Python writes them: `list[str] | None`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Schema = dict[str, Any]

SIMPLE: dict[str, Schema] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "None": {"type": "null"},
    "Any": {},
    "dict": {"type": "object"},
    "PositiveInt": {"type": "integer", "exclusiveMinimum": 0},
    "Resampling": {"type": "integer"},
}


def of_type(text: str, reference: Callable[[str], Schema]) -> Schema:
    """The schema of a type. reference: what a name that is not built in stands for."""

    def convert(node: ast.expr) -> Schema:
        match node:
            case ast.BinOp(left=left, right=right):
                return either(convert(left), convert(right))
            case ast.Constant(value=value):
                return SIMPLE["None"] if value is None else {"const": value}
            case ast.Name(id=name):
                return dict(SIMPLE[name]) if name in SIMPLE else reference(name)
            case ast.Subscript(value=ast.Name(id="list"), slice=item):
                return {"type": "array", "items": convert(item)}
            case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=items)):
                return {"type": "array", "prefixItems": [convert(item) for item in items], "items": False}
            case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[_, value])):
                return {"type": "object", "additionalProperties": convert(value)}
            case ast.Subscript(value=ast.Name(id="Literal"), slice=choices):
                values = choices.elts if isinstance(choices, ast.Tuple) else [choices]
                return {"enum": [ast.literal_eval(value) for value in values]}
        raise ValueError(f"a type that is not understood: {ast.unparse(node)}")

    return convert(ast.parse(text, mode="eval").body)


def either(one: Schema, other: Schema) -> Schema:
    """A union, kept short: bare types become one list of types, an enum takes null in."""
    if {} in (one, other):
        return {}
    parts: list[Schema] = []
    types: Schema = {}
    for part in (*_parts(one), *_parts(other)):
        if set(part) == {"type"}:
            if not types:
                parts.append(types)
            types["type"] = list(dict.fromkeys([*_list(types.get("type", [])), *_list(part["type"])]))
        elif part not in parts:
            parts.append(part)
    if len(parts) == 2 and types == {"type": ["null"]}:
        enum = next((part for part in parts if set(part) == {"enum"}), None)
        if enum is not None:
            return {"enum": [*enum["enum"], None]}
    if len(types.get("type", ())) == 1:
        types["type"] = types["type"][0]
    return parts[0] if len(parts) == 1 else {"anyOf": parts}


def or_null(schema: Schema) -> Schema:
    """The same, or nothing."""
    if not schema:
        return schema
    if "type" in schema:
        return {**schema, "type": list(dict.fromkeys([*_list(schema["type"]), "null"]))}
    if "enum" in schema:
        return {**schema, "enum": list(dict.fromkeys([*schema["enum"], None]))}
    return either(schema, SIMPLE["None"])


def _parts(schema: Schema) -> list[Schema]:
    return schema["anyOf"] if set(schema) == {"anyOf"} else [schema]


def _list(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]
