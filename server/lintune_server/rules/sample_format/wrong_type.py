from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lintune_schemas.samples import SampleFormat
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import line_rule
from lintune_server.lint.words import json_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.samples import Path
    from lintune_server.lint.sample import Line


@line_rule("SF104", Severity.ERROR)
def wrong_type(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a field whose value is of the wrong type: content that is a number, messages that are no list.

    ## Why it hurts
    Some tools turn such values into text of their own making, others stop. Neither is what was meant.

    ## Example
    ```json
    {"prompt": "What is 6 times 7?", "completion": 42}
    ```

    ## Use instead
    ```json
    {"prompt": "What is 6 times 7?", "completion": "42"}
    ```
    """
    if line.sample is None or line.layout is None:
        return
    if line.format is SampleFormat.CHAT:
        yield from _messages(line.sample.get("messages", []))
        return
    spec = line.layout
    for key in spec.known:
        value = line.sample.get(key, "")
        if not (isinstance(value, str) or (value is None and key in spec.optional)):
            yield _must_be_text(key, value, (key,))


def _messages(messages: Any) -> Iterator[Problem]:
    if not isinstance(messages, list):
        yield Problem(f"messages must be a list, and this is {json_kind(messages)}.", Value(("messages",)))
        return
    for index, message in enumerate(messages):
        path = ("messages", index)
        if not isinstance(message, dict):
            yield Problem(f"A message must be an object, and this is {json_kind(message)}.", Value(path))
            continue
        for key in ("role", "content"):
            if not isinstance(message.get(key, ""), str):
                yield _must_be_text(key, message[key], (*path, key))


def _must_be_text(key: str, value: Any, path: Path) -> Problem:
    return Problem(f"{key} must be a text, and this is {json_kind(value)}.", Value(path))
