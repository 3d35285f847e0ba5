from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lintune_schemas.samples import FUNCTION_CALL, SEGMENT_LABEL, SEGMENT_TEXT, TOOL_CALLS
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Key, Problem, Value
from lintune_server.lint.rule import file_rule, line_rule
from lintune_server.lint.words import listed
from lintune_server.rules.sample_format.names import is_misspelt, meant, rename
from lintune_server.rules.sample_format.recipe_entry import entry_for, said_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.samples import Path
    from lintune_server.lint.data_set import DataSet
    from lintune_server.lint.sample import Line

_FIELDS = {
    "instruction": "field_instruction",
    "prompt": "field_instruction",
    "output": "field_output",
    "completion": "field_output",
}


@line_rule("SF103", Severity.ERROR)
def missing_field(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a sample, a message or a segment that lacks a field its format needs; and, once for a file, keys that the
    recipe names (`field_messages`, `field_instruction`, …) and that no sample has.

    ## Why it hurts
    Without the answer there is nothing to learn; without the prompt the model learns to say it at any time.

    ## Example
    ```json
    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "contents": "Hello!"}]}
    ```

    ## Use instead
    ```json
    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]}
    ```

    ## Fix
    A key that is a misspelling of the missing one gets its name. Safe. Another tool's name for the same is replaced
    only where that is asked for.
    """
    if line.plain or line.sample is None or line.layout is None:
        return
    layout = line.layout
    missing = [key for key in layout.required if key not in line.sample]
    if missing:
        said = "".join(
            f" The recipe's {one.said_by} names it." for one in layout.fields if one.key in missing and one.said_by
        )
        yield _problem(f"This {layout.format} sample", (), missing, line.sample, layout.known, said)
    for message in line.messages:
        if isinstance(message.value, dict):
            keys = message.keys
            needed = (keys.role,) if message.value.get(TOOL_CALLS) else (keys.role, keys.content)
            missing = [key for key in needed if key not in message.value]
            if missing:
                old = FUNCTION_CALL in message.value and FUNCTION_CALL not in keys.known
                hint = " function_call is OpenAI's old name: write a list of tool_calls." if old else ""
                yield _problem("This message", message.path, missing, message.value, keys.known, hint)
    for segment in line.segments:
        if isinstance(segment.value, dict):
            needed = (SEGMENT_LABEL, SEGMENT_TEXT)
            missing = [key for key in needed if key not in segment.value]
            if missing:
                yield _problem("This segment", segment.path, missing, segment.value, needed)


@file_rule("SF103", Severity.ERROR)
def missing_field_of_recipe(data: DataSet) -> Iterator[tuple[int | None, Problem]]:
    said, shown = data.surroundings.unmet, data.surroundings.layout
    if said is None or shown is None:
        return
    yield (
        None,
        Problem(
            f"The recipe reads this file as {said.format} samples with {listed(said_keys(said))}, and none has that. "
            f"They are {shown.format} samples with {listed(shown.required)}: {entry_for(shown)}."
        ),
    )


def _problem(
    what: str, path: Path, missing: list[str], there: dict[str, Any], known: tuple[str, ...], hint: str = ""
) -> Problem:
    names = [(old, new) for old, new in meant(tuple(there), known) if new in missing]
    if not names:
        return Problem(f"{what} has no {listed(missing, 'or')}.{hint}", Value(path))
    asked = "".join(f" Is {old} meant to be {new}?{_mapping(old, new)}" for old, new in names)
    message = f"{what} has no {listed(missing, 'or')}.{asked}{hint}"
    return Problem(
        message, Key((*path, names[0][0])), rename(path, names, safe=all(is_misspelt(*pair) for pair in names))
    )


def _mapping(old: str, new: str) -> str:
    """How a recipe says that a key is another name for one side of an exchange."""
    if is_misspelt(old, new) or new not in _FIELDS:
        return ""
    return f" Or write {_FIELDS[new]}: {old} under type in the recipe."
