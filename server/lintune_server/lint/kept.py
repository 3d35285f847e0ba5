"""What was found in a piece of a file, as the cache keeps it."""

from __future__ import annotations

from array import array
from dataclasses import fields
from typing import Any

import msgspec

from lintune_server.lint import cache
from lintune_server.lint.findings import Finding  # noqa: TC001 (msgspec reads the fields' types)
from lintune_server.lint.part import CheckedPiece, Part
from lintune_server.lint.shape import Shape
from lintune_server.rules import FACTS


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    findings: list[Finding]
    shape: dict[str, Any]
    samples: bytes
    columns: list[Any]
    ignored: dict[int, tuple[str, ...]]
    unused: dict[int, tuple[str, ...]]
    tokens: bytes
    trained_tokens: bytes
    offsets: bytes


def get(key: bytes) -> CheckedPiece | None:
    kept = cache.get(key, _Kept)
    if kept is None or len(kept.columns) != len(FACTS):
        return None
    part = Part(
        Shape(**{name: _read(value) for name, value in kept.shape.items()}),
        kept.findings,
        _numbers("Q", kept.samples),
        [
            column if fact.typecode is None else _numbers(fact.typecode, column)
            for fact, column in zip(FACTS, kept.columns, strict=True)
        ],
        kept.ignored,
        kept.unused,
        _numbers("I", kept.tokens),
        _numbers("I", kept.trained_tokens),
    )
    return CheckedPiece(part, _numbers("Q", kept.offsets))


def put(key: bytes, checked: CheckedPiece) -> None:
    part = checked.part
    kept = _Kept(
        part.findings,
        {field.name: _written(getattr(part.shape, field.name)) for field in fields(Shape)},
        part.samples.tobytes(),
        [column if isinstance(column, list) else column.tobytes() for column in part.columns],
        part.ignored,
        part.unused,
        part.tokens.tobytes(),
        part.trained_tokens.tobytes(),
        checked.offsets.tobytes(),
    )
    cache.put(key, kept)


def _written(value: Any) -> Any:
    """Of a field of a shape: numbers as bytes, behind the letter of their type."""
    if isinstance(value, array):
        return value.typecode.encode() + value.tobytes()
    if isinstance(value, dict):
        return {name: _written(inner) for name, inner in value.items()}
    return value


def _read(value: Any) -> Any:
    if isinstance(value, bytes):
        return _numbers(value[:1].decode(), value[1:])
    if isinstance(value, dict):
        return {name: _read(inner) for name, inner in value.items()}
    return value


def _numbers(typecode: str, data: bytes) -> array[Any]:
    numbers: array[Any] = array(typecode)
    numbers.frombytes(data)
    return numbers


# So that no two threads make msgspec look at these types first, at once: as for recipes (lintune_schemas/recipe.py).
msgspec.msgpack.Decoder(_Kept)
