"""Answers that are to be JSON: whether they are, whether they say the same as their reference, and fit a schema."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lintune_schemas.errors import LintuneError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def read(text: str) -> dict[str, Any] | list[Any] | None:
    """A text that is one JSON object or list and nothing else (no code fence, no word before it); else None.

    Single numbers and words are JSON, too, but nobody who asks for those asks for JSON. Numbers are exact: `1.10` and
    `1.1` are equal, and so are `1` and `1.0`.
    """
    try:
        found = json.loads(text, parse_float=Decimal, parse_constant=_refused)
    except (ValueError, RecursionError, ArithmeticError):
        return None
    return found if isinstance(found, dict | list) else None


def is_equal(a: Any, b: Any) -> bool:
    """Equal as JSON: the order of keys does not count, that of a list does, and true is not 1.

    What is nested too deep to be compared is not equal.
    """
    try:
        return _is_equal(a, b)
    except RecursionError:
        return False


def _is_equal(a: Any, b: Any) -> bool:
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_is_equal(value, b[key]) for key, value in a.items())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_is_equal, a, b))
    return bool(a == b)


def fits(schema: Path) -> Callable[[Any], bool]:
    """What says whether JSON fits the JSON Schema in a file. Raises LintuneError when that is none.

    A schema that refers to another file or address is refused: nothing is fetched.
    """
    import jsonschema_rs

    try:
        source = schema.read_text(encoding="utf-8")
    except OSError as error:
        raise LintuneError(f"--schema: {schema} could not be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise LintuneError(f"--schema: {schema} is no text in UTF-8.") from error
    try:
        checked = jsonschema_rs.validator_for(json.loads(source), retriever=_nowhere)
    except (ValueError, RecursionError, jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
        words = " ".join(str(error).split("\n")[0].split())
        raise LintuneError(f"--schema: {schema} is no JSON Schema that can be used: {words}") from error

    def says(value: Any) -> bool:
        try:
            return bool(checked.is_valid(json.loads(json.dumps(value, default=float))))
        except (RecursionError, OverflowError):
            return False

    return says


def _nowhere(address: str) -> Any:
    raise ValueError(f"{address} is not in the file")


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")
