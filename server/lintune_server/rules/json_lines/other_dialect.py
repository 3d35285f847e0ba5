from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.fault import DIALECT
from lintune_server.lint.findings import Severity
from lintune_server.lint.rule import line_rule
from lintune_server.rules.json_lines.faults import problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.fault import Fault
    from lintune_server.lint.problems import Problem
    from lintune_server.lint.sample import Line


@line_rule("JL009", Severity.ERROR)
def other_dialect(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports what Python, JavaScript or a word processor writes and JSON does not have: single or curly quotes, keys
    without quotes, trailing commas, comments, `None`, `True` and `False`, `NaN` and `Infinity`, `0x1F` and `.5`.

    ## Why it hurts
    It looks like JSON and is none: training tools stop at such a line, or drop it without a word. Often a Python
    program wrote `str(sample)` in the place of `json.dumps(sample)`.

    ## Example
    ```python
    {'prompt': 'Hi', 'completion': 'Hello!', 'reviewed': True,}
    ```

    ## Use instead
    ```json
    {"prompt": "Hi", "completion": "Hello!", "reviewed": true}
    ```

    ## Fix
    Writes the same as JSON does. Safe where only one thing can be meant, and only when the line is JSON afterwards.
    Removing a comment and replacing curly quotes is not safe. `NaN` and `Infinity` have no fix: what the value should
    be is not known.
    """
    if line.error is not None:
        yield from problems(line, DIALECT, _message)


def _message(fault: Fault) -> str:
    return f"{fault.message[0].upper()}{fault.message[1:]}"
