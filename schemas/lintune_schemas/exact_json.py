"""JSON that is read and written again without any loss: 1.50 stays 1.50, and no digit or key is dropped."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import msgspec

_LONGEST_WHOLE = 18
"""Digits, with the sign, that Python's int and everybody's 64 bits hold."""


class _Number(float):
    """A number with the text that it was written as."""

    __slots__ = ("text",)
    text: str


def _number(text: str) -> _Number:
    number = _Number(text)
    number.text = text
    return number


def _whole(text: str) -> int | _Number:
    return int(text) if len(text) <= _LONGEST_WHOLE and text != "-0" else _number(text)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        raise ValueError(f"the key “{twice}” stands more than once in one object")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_whole, parse_float=_number, parse_constant=_refuse)


def loads(text: str) -> Any:
    """Numbers are ints, or floats that know their text. Raises ValueError (a repeated key, too) or RecursionError."""
    return _DECODER.decode(text)


def dumps(value: Any) -> str:
    """On one line. Halves of surrogate pairs are written as the escapes that they were read from."""
    try:
        return msgspec.json.encode(value, enc_hook=_written).decode()
    except UnicodeEncodeError:
        return msgspec.json.encode(_escaped(value), enc_hook=_written).decode()


def _written(value: object) -> msgspec.Raw:
    if isinstance(value, _Number):
        return msgspec.Raw(value.text.encode())
    raise TypeError(f"{type(value).__name__} is not JSON")


def _escaped(value: Any) -> Any:
    """The same with texts that are no Unicode as pieces of JSON. Raises ValueError for a key that is none."""
    match value:
        case str():
            try:
                value.encode()
            except UnicodeEncodeError:
                return msgspec.Raw(json.dumps(value).encode())
        case list():
            return [_escaped(item) for item in value]
        case dict():
            try:
                "".join(value).encode()
            except UnicodeEncodeError:
                raise ValueError("a key holds half of a surrogate pair") from None
            return {key: _escaped(item) for key, item in value.items()}
    return value
