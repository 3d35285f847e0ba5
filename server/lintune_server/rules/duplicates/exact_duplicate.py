from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Change, LineBreak, Problem, Remedy
from lintune_server.lint.rule import file_rule
from lintune_server.rules.duplicates.copies import exact_copies
from lintune_server.rules.duplicates.facts import exact_digest
from lintune_server.rules.duplicates.series import before

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.data_set import DataSet

_DELETE = Remedy("Delete this line", (Change(LineBreak(), ""),))
_DELETE_HERE = Remedy("Delete this line", (Change(LineBreak(), ""),), safe=False)


@file_rule("DU301", Severity.WARNING, exact_digest)
def exact_duplicate(data: DataSet) -> Iterator[tuple[int, Problem]]:
    """
    ## What it does
    Reports a sample that was there before, in the same file or in one that the recipe lists before it. The order of
    keys and white space outside of texts do not count.

    ## Why it hurts
    What stands there twice is learned twice as hard: the usual way to an over-fitted model.

    ## Example
    ```json
    {"prompt": "Hi", "completion": "Hello!"}
    {"completion": "Hello!", "prompt": "Hi"}
    ```

    ## Use instead
    ```json
    {"prompt": "Hi", "completion": "Hello!"}
    ```

    ## Fix
    Deletes the later line. Safe, as the first one stays; not when that is in another file.
    """
    series = before(data)
    for position, first in data.once(exact_copies).items():
        if position >= series.own:
            remedy = _DELETE if first >= series.own else _DELETE_HERE
            message = f"The same sample as on {series.where(first)}."
            others = (series.elsewhere(first, "first here"),)
            yield series.index(position), Problem(message, LineBreak(), remedy, elsewhere=others)
