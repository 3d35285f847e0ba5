from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem
from lintune_server.lint.rule import line_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.sample import Line

_KINDS = {list: "a list", str: "a text", int: "a number", float: "a number", bool: "true or false"}


@line_rule("JL002", Severity.ERROR)
def not_an_object(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a line that is valid JSON but not an object: a list, a text, a number.

    ## Why it hurts
    A sample is an object whose keys say what is what. Nothing can be learned from a bare list.

    ## Example
    ```json
    [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]
    ```

    ## Use instead
    ```json
    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]}
    ```
    """
    if line.error is None and line.sample is None:
        kind = _KINDS.get(type(line.value), "null")
        hint = ""
        if (
            isinstance(line.value, list)
            and line.value
            and all(isinstance(item, dict) and "role" in item for item in line.value)
        ):
            hint = ' Put the messages into one: {"messages": […]}.'
        yield Problem(f"A sample must be a JSON object, and this line is {kind}.{hint}")
