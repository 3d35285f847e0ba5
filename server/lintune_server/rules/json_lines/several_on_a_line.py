from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.fault import Sort
from lintune_server.lint.findings import Severity
from lintune_server.lint.rule import line_rule
from lintune_server.rules.json_lines.faults import problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.problems import Problem
    from lintune_server.lint.sample import Line


@line_rule("JL004", Severity.ERROR)
def several_on_a_line(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a line with more than one object, written one behind the other or with a comma between them.

    ## Why it hurts
    JSON Lines has one sample a line. Most readers refuse the line; some take the first sample and lose the others.

    ## Example
    ```json
    {"prompt": "Hi", "completion": "Hello!"}{"prompt": "Bye", "completion": "See you!"}
    ```

    ## Use instead
    ```json
    {"prompt": "Hi", "completion": "Hello!"}
    {"prompt": "Bye", "completion": "See you!"}
    ```

    ## Fix
    Puts each on a line of its own. Safe; made only where all of the line can be read.
    """
    if line.error is not None:
        yield from problems(
            line, {Sort.SEVERAL}, lambda _: "Another sample begins here: write each on a line of its own"
        )
