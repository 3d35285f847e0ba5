from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Columns, Problem
from lintune_server.lint.rule import line_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.sample import Line


@line_rule("JL001", Severity.ERROR)
def invalid_json(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a line that is not valid JSON, at the character where it stops being JSON, with what was expected there.

    ## Why it hurts
    Training tools either stop at such a line, minutes into a run, or drop it without a word.

    ## Example
    ```json
    {"messages": [{"role": "user" "content": "Hi"}]}
    ```

    ## Use instead
    ```json
    {"messages": [{"role": "user", "content": "Hi"}]}
    ```
    """
    if line.error is not None:
        yield Problem(f"Invalid JSON: {line.error.message}.", Columns(line.error.start, line.error.end))
