from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.fault import Sort
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Columns, Problem
from lintune_server.lint.rule import line_rule
from lintune_server.rules.json_lines.faults import problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.sample import Line

_SORTS = {Sort.SYNTAX, Sort.UNFINISHED, Sort.CONTROL, Sort.ESCAPE, Sort.SPACE, Sort.TOO_MUCH}
_MISREAD = {Sort.QUOTES, Sort.CURLY_QUOTES, Sort.COMMENT}
"""Where one of these stands, what looks wrong behind it may only have been read wrongly."""


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

    ## Fix
    Raw control characters become escapes (a tab becomes `\\t`) and invisible spaces between values plain ones: safe.
    Backslashes that begin no escape are doubled: not safe, for something else may have been meant.
    """
    if line.error is None:
        return
    if not line.faults.found:  # a line that is too long to be read, or a reason that only orjson knows
        yield Problem(f"Invalid JSON: {line.error.message}.", Columns(line.error.start, line.error.end))
        return
    sorts = _SORTS
    if any(fault.sort in _MISREAD for fault in line.faults.found):
        sorts = _SORTS - {Sort.SYNTAX, Sort.UNFINISHED}
    yield from problems(line, sorts, lambda fault: f"Invalid JSON: {fault.message}")
