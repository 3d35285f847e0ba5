from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.fault import Sort
from lintune_server.lint.findings import Severity
from lintune_server.lint.rule import line_rule
from lintune_server.rules.json_lines.faults import problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.fault import Fault
    from lintune_server.lint.problems import Problem
    from lintune_server.lint.sample import Line


@line_rule("JL008", Severity.ERROR)
def lone_surrogate(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports half of a surrogate pair: an escape such as `\\ud83d` without the other half behind it, or the same as raw
    text. Beyond U+FFFF, JSON writes a character as two such escapes.

    ## Why it hurts
    Half a pair is no character. Some parsers refuse the line; with others the tokenizer fails later on. It is nearly
    always an emoji that was cut in two where a text was shortened.

    ## Example
    ```json
    {"prompt": "Hi", "completion": "Hello \\ud83d"}
    ```

    ## Use instead
    ```json
    {"prompt": "Hi", "completion": "Hello \\ud83d\\ude00"}
    ```

    ## Fix
    Writes the replacement character U+FFFD in its place. Not safe: which character it was is not known.
    """
    if line.error is not None:
        yield from problems(line, {Sort.SURROGATE}, _message)


def _message(fault: Fault) -> str:
    return f"{fault.message[0].upper()}{fault.message[1:]}, which is no character: write the whole character, or none"
