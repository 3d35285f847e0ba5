from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas.samples import IGNORE_KEY
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Change, Member, Problem, Remedy, Value
from lintune_server.lint.rule import file_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.data_set import DataSet


@file_rule("DS506", Severity.WARNING)
def unused_ignore(data: DataSet) -> Iterator[tuple[int, Problem]]:
    """
    ## What it does
    Reports a code in a sample's `_lintune_ignore` whose rule finds nothing in that sample.

    ## Why it hurts
    It says that there is a problem where there is none, and will hide the next one.

    ## Example
    ```json
    {"prompt": "Hi", "completion": "Hello!", "_lintune_ignore": ["SF111"]}
    ```

    ## Use instead
    ```json
    {"prompt": "Hi", "completion": "Hello!"}
    ```

    ## Fix
    Takes the code out; the last one together with the key. Safe.
    """
    for index, codes in data.unused.items():
        wanted = (data.line(index).sample or {})[IGNORE_KEY]
        for code in codes:
            path = (IGNORE_KEY, wanted.index(code))
            what = Member((IGNORE_KEY,) if len(wanted) == 1 else path)
            remedy = Remedy(f"Stop ignoring {code} here", (Change(what, ""),))
            message = f"{code} finds nothing in this sample, so there is nothing to ignore."
            yield index, Problem(message, Value(path), remedy)
