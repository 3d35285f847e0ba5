from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import RecipeProblem
from lintune_server.lint.rule import recipe_rule
from lintune_server.lint.words import closest, json_kind, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.findings import Range
    from lintune_server.lint.recipe_source import Fault, RecipeSource
    from lintune_server.lint.yaml_source import YamlNode

_NUMBER = re.compile(r"[-+]?(\d[\d_]*\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_OCTAL = re.compile(r"[-+]?0[0-7_]*[1-7][0-7_]*", re.ASCII)
_SCALAR = re.compile(r"[\w./:+-]+|\"[^\"\n]*\"|'[^'\n]*'")
"""What means the same in quotes, and inside of braces."""
_BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
}
_TYPES = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a section with keys",
}


@recipe_rule("RC603", Severity.ERROR)
def invalid_value(source: RecipeSource) -> Iterator[RecipeProblem]:
    """
    ## What it does
    Reports a value of the wrong type, an unknown choice, or a number out of range; among them the traps of YAML 1.1:
    `1e-4` is a text there (a number needs the point: `1.0e-4`), `no` is false, `016` is 14, `1:30` is 90, a date is no
    text, and what stands in quotes is one.

    ## Why it hurts
    The run stops at its start, or goes on with another value than the one that was written.

    ## Example
    ```yaml
    learning_rate: 1e-4
    micro_batch_size: "8"
    ```

    ## Use instead
    ```yaml
    learning_rate: 1.0e-4
    micro_batch_size: 8
    ```

    ## Fix
    Writes the number, or the choice that was probably meant. Safe.
    """
    for fault in source.faults:
        no_model = fault.path == ("base_model",) and fault.value is None  # RC604 says so
        if fault.keyword not in ("additionalProperties", "required") and not no_model:
            yield _problem(source, fault)
    for path, node in source.mappings:
        for key, value in node.keys.items():
            yield from _trap(key, value, source.range_of((*path, key)))


def _trap(key: str | int, node: YamlNode, place: Range) -> Iterator[RecipeProblem]:
    """A number of a right type that is not the one that was written."""
    if isinstance(node.value, bool) or not isinstance(node.value, int | float):
        return
    if _OCTAL.fullmatch(node.raw):
        number = node.raw.replace("_", "").lstrip("0") or "0"
        message = (
            f"{key}: YAML reads {node.raw} as {node.value}, since what begins with a zero is octal. Write {number}."
        )
        yield RecipeProblem(message, place, f"Write {number}", number)
    elif ":" in node.raw:
        message = f"{key}: YAML reads {node.raw} as {_shown(node.value)}, as a time. Write a number without colons."
        yield RecipeProblem(message, place)


def _problem(source: RecipeSource, fault: Fault) -> RecipeProblem:
    place = source.range_of(fault.path)
    name = ".".join(str(part) for part in fault.path if isinstance(part, str)) or "recipe"
    if place.start == place.end:  # nothing stands there
        last = max(at for at, part in enumerate(fault.path) if isinstance(part, str))
        place = source.key_range(fault.path[:last], str(fault.path[last]))
        if last < len(fault.path) - 1:
            return RecipeProblem(f"An entry of {name} is empty: fill it in, or take it out.", place)
    if fault.keyword in _BOUNDS:
        bound = _BOUNDS[fault.keyword].format(_shown(fault.schema[fault.keyword]))
        return RecipeProblem(f"{name} must be {bound}, and this is {_shown(fault.value)}.", place)
    if fault.keyword == "pattern":
        return RecipeProblem(f"{name}: {_short(str(fault.value))} is no rule code, such as SF106 or TK.", place)
    wanted = _wanted(fault.schema)
    if isinstance(fault.value, str):
        return _of_text(source, fault, name, wanted)
    raw = _raw(source, fault)
    if fault.value is None:
        return RecipeProblem(
            f"{name} must be {wanted}, and nothing stands here. Take the key out, or fill it in.", place
        )
    message = f"{name} must be {wanted}, and this is {_kind(fault.value)}."
    types = _types(fault.schema)
    if isinstance(fault.value, bool):
        if raw.lower() not in ("true", "false"):
            message += f" YAML reads {raw} as {json_kind(fault.value)}: put it in quotes if the word is meant."
        return RecipeProblem(message, place)
    if "string" in types and _SCALAR.fullmatch(raw):
        return RecipeProblem(f"{message} Put it in quotes.", place, "Put it in quotes", f'"{raw}"')
    if types == {"array"} and isinstance(fault.value, dict):
        message += " Put “- ” before its first key, and indent the others like it."
    return RecipeProblem(message, place)


def _kind(value: object) -> str:
    return "a date" if isinstance(value, date) else "a section" if isinstance(value, dict) else json_kind(value)


def _of_text(source: RecipeSource, fault: Fault, name: str, wanted: str) -> RecipeProblem:
    place, text, raw = source.range_of(fault.path), str(fault.value), _raw(source, fault)
    types, choices = _types(fault.schema), _choices(fault.schema)
    if types & {"integer", "number"} and _NUMBER.fullmatch(text):
        number = _yaml_number(text)
        if "number" in types or number.lstrip("+-").isdigit():
            quoted = raw[:1] in "\"'"
            why = "in quotes it is a text" if quoted else f"YAML reads {raw} as a text"
            message = f"{name} must be {wanted}: {why}. Write {number}."
            # Axolotl and Lintune know that 1e-4 is meant; many of Axolotl's own examples are written so.
            severity = Severity.WARNING if not quoted and "e" in text.lower() else None
            return RecipeProblem(message, place, f"Write {number}", number, severity)
    if "boolean" in types and text.lower() in ("true", "false", "yes", "no", "on", "off"):
        word = "true" if text.lower() in ("true", "yes", "on") else "false"
        return RecipeProblem(f"{name} must be {wanted}: in quotes it is a text.", place, f"Write {word}", word)
    if fault.path in (("datasets",), ("test_datasets",)) and _SCALAR.fullmatch(raw):
        message = f"{name} must be a list of entries, each with a path. Write [{{path: {raw}}}]."
        return RecipeProblem(message, place, "Make it an entry", f"[{{path: {raw}}}]")
    meant = closest(text.lower(), choices)
    if meant is not None:
        message = f"{name} must be {wanted}, and this is {text}. Is {meant} meant?"
        return RecipeProblem(message, place, f"Change to {meant}", meant)
    return RecipeProblem(f"{name} must be {wanted}, and this is the text {_short(raw)}.", place)


def _raw(source: RecipeSource, fault: Fault) -> str:
    assert source.root is not None
    return source.root.at(fault.path).raw


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


_LONGEST = 80


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _yaml_number(text: str) -> str:
    """As YAML 1.1 writes it: `5e-2` → `5.0e-2`. An exponent needs a point before it, and a sign."""
    mantissa, letter, exponent = text.lower().replace("_", "").partition("e")
    mantissa = re.sub(r"^([-+]?)(?:0+(?=\d)|(?=\.))", r"\1", mantissa)
    if mantissa.lstrip("+-").startswith("."):
        mantissa = mantissa.replace(".", "0.", 1)
    if not letter:
        return mantissa
    if "." not in mantissa:
        mantissa += ".0"
    return f"{mantissa}e{exponent if exponent[0] in '+-' else f'+{exponent}'}"


def _branches(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [inner for part in schema["anyOf"] for inner in _branches(part)] if "anyOf" in schema else [schema]


def _types(schema: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    for branch in _branches(schema):
        types = branch.get("type", [])
        found |= {types} if isinstance(types, str) else set(types)
    return found - {"null"}


def _choices(schema: dict[str, Any]) -> list[str]:
    found = []
    for branch in _branches(schema):
        values = branch.get("enum", [branch["const"]] if "const" in branch else [])
        found += [value for value in values if isinstance(value, str)]
    return found


def _wanted(schema: dict[str, Any]) -> str:
    """What the schema allows, in words."""
    types = [words for name, words in _TYPES.items() if name in _types(schema)]
    if "a whole number" in types and "a number" in types:
        types.remove("a whole number")
    choices = _choices(schema)
    if choices:
        types.append(f"one of {listed(choices)}" if len(choices) > 1 else choices[0])
    return listed(types, "or") or "another value"
