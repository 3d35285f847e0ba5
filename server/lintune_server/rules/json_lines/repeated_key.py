from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from lintune_server.lint import json_source
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Columns, Elsewhere, Problem
from lintune_server.lint.rule import line_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.sample import Line

_MOST = 100
"""On one line. A million findings about it would help nobody."""


@line_rule("JL007", Severity.ERROR)
def repeated_key(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a key that stands twice in one object.

    ## Why it hurts
    JSON parsers keep the last value in silence. What stands under the first one is never learned.

    ## Example
    ```json
    {"prompt": "Hi", "completion": "Hello!", "completion": "Good day."}
    ```

    ## Use instead
    ```json
    {"prompt": "Hi", "completion": "Hello!"}
    ```
    """
    if line.error is not None or _has_every_colon(line):
        return
    for key, first, again in islice(json_source.repeated_keys(line.text), _MOST):
        yield Problem(
            f"The key “{_short(key)}” stands twice in this object, and programs keep only the last. Remove one.",
            Columns(*again),
            elsewhere=(Elsewhere(None, "first here", spot=Columns(*first)),),
        )


def _has_every_colon(line: Line) -> bool:
    """Whether what was parsed has as many colons as the text: then no member was lost.

    Each member has one, and those in strings are the same on both sides, unless the text has some as \\u003a.
    """
    return line.text.count(":") == line.compact.count(b":") and "\\u003" not in line.text


def _short(key: str) -> str:
    return key if len(key) <= 40 else f"{key[:39]}…"
