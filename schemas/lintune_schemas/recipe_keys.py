"""What there is to say about each key of a recipe: for completion, hover, messages and the reference page."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from lintune_schemas.recipe import Recipe, json_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from msgspec.structs import FieldInfo

_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "section",
}


@dataclass(frozen=True, slots=True)
class RecipeKey:
    """One key of a recipe or of one of its sections."""

    name: str
    description: str
    """One plain sentence."""
    kind: str
    """Its type in words: `whole number`, `text or list of texts`."""
    choices: tuple[str, ...]
    """Values with names: all that it can have, or where `kind` has a text the usual ones. Of a list, those of its
    items."""
    default: Any
    """Of the built-in trainer for what it carries out, else of Axolotl; None where there is none."""
    carried_out: bool
    """Whether the built-in trainer does what it says, or only Axolotl."""
    deprecated: bool
    replacement: str | None
    """What is written today in place of a deprecated key; with dots, in which section."""
    replacement_value: str | None = None
    """The value that the key of today then has, when it is not the same."""


def key_at(path: Sequence[str | int]) -> RecipeKey | None:
    """The key at the end of a YAML path, such as `("datasets", 0, "type")`; None when there is no such key."""
    *parent, last = path or ("",)
    return _keys(_shape(parent)).get(last) if isinstance(last, str) else None


def keys_under(path: Sequence[str | int]) -> dict[str, RecipeKey]:
    """Every key that a mapping at a YAML path can have, by name; `()` is the top."""
    return dict(_keys(_shape(path)))


def _shape(path: Sequence[str | int]) -> tuple[str | int, ...]:
    """A path with all entries of a list being its first: they have the same keys."""
    return tuple(0 if isinstance(part, int) else part for part in path)


@cache
def _keys(path: tuple[str | int, ...]) -> dict[str, RecipeKey]:
    structs = _structs(path)
    found: dict[str, RecipeKey] = {}
    for schema in _schemas(path):
        for name, inner in schema.get("properties", {}).items():
            if name not in found:
                field = next((_fields(struct)[name] for struct in structs if name in _fields(struct)), None)
                found[name] = _key(name, inner, field)
    return found


def _key(name: str, schema: dict[str, Any], field: FieldInfo | None) -> RecipeKey:
    branches = list(_branches(schema))
    named = (*schema.get("examples", ()), *(choice for branch in branches for choice in _choices(branch)))
    return RecipeKey(
        name=name,
        description=schema.get("description", ""),
        kind=_kind(branches),
        choices=tuple(dict.fromkeys(named)),
        default=schema.get("default") if field is None else _default(field),
        carried_out=field is not None,
        deprecated=schema.get("deprecated", False),
        replacement=schema.get("x-replacement"),
        replacement_value=schema.get("x-replacement-value"),
    )


def _schemas(path: tuple[str | int, ...]) -> list[dict[str, Any]]:
    """Every branch of the schema at a path, references followed."""
    if not path:
        return [json_schema()]
    *parent, last = path
    found: list[dict[str, Any]] = []
    for schema in _schemas(tuple(parent)):
        inner = schema.get("items") if isinstance(last, int) else schema.get("properties", {}).get(last)
        if inner is None and isinstance(last, str):
            inner = schema.get("additionalProperties")
        if isinstance(inner, dict):
            found += _branches(inner)
    return found


def _branches(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "$ref" in schema:
        yield from _branches(json_schema()["$defs"][schema["$ref"].rsplit("/", 1)[1]])
    elif "anyOf" in schema and "properties" not in schema:  # else they are about which of them are needed
        for part in schema["anyOf"]:
            yield from _branches(part)
    else:
        yield schema


def _kind(branches: list[dict[str, Any]]) -> str:
    words: dict[str, None] = {}
    for branch in branches:
        types = branch.get("type", [])
        for name in [types] if isinstance(types, str) else types:
            if name == "array" and (items := _kind(list(_branches(branch.get("items") or {})))):
                words[f"list of {_plural(items)}"] = None
            elif name != "null":
                words[_WORDS[name]] = None
        if any(isinstance(value, str) for value in branch.get("enum", ())):
            words["one of its choices"] = None
    if "number" in words:
        words.pop("whole number", None)
    return " or ".join(words)


def _plural(words: str) -> str:
    if words == "one of its choices":
        return "its choices"
    return words if " or " in words or words.startswith("list") else f"{words}s"


def _choices(branch: dict[str, Any]) -> Iterator[str]:
    values = branch.get("enum", [branch["const"]] if "const" in branch else [])
    for value in values:
        if isinstance(value, bool):
            yield "true" if value else "false"
        elif isinstance(value, str):
            yield value
    types = branch.get("type", [])
    if "boolean" in ([types] if isinstance(types, str) else types):
        yield from ("true", "false")
    if isinstance(items := branch.get("items"), dict):
        yield from (choice for item in _branches(items) for choice in _choices(item))


def _structs(path: tuple[str | int, ...]) -> list[type[msgspec.Struct]]:
    """The typed recipe's structs at a path: what they have is what the trainer carries out."""
    found: list[type[msgspec.Struct]] = [Recipe]
    for part in path:
        if isinstance(part, str):
            fields = [_fields(struct)[part] for struct in found if part in _fields(struct)]
            found = [struct for field in fields for struct in _structs_in(field.type)]
    return found


def _structs_in(type_: Any) -> Iterator[type[msgspec.Struct]]:
    if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        yield type_
    for inner in get_args(type_):
        yield from _structs_in(inner)


@cache
def _fields(struct: type[msgspec.Struct]) -> dict[str, FieldInfo]:
    return {field.encode_name: field for field in msgspec.structs.fields(struct)}


def _default(field: FieldInfo) -> Any:
    """What a key that is left out means; None for nothing, and for a section, whose keys have their own."""
    if field.default is not msgspec.NODEFAULT:
        return None if isinstance(field.default, msgspec.Struct) else field.default
    made = None if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    return made or None
