from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Change, Elsewhere, LineBreak, Problem, Remedy
from lintune_server.lint.rule import file_rule
from lintune_server.rules.duplicates.facts import exact_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.data_set import DataSet


@file_rule("DU301", Severity.WARNING, exact_digest)
def exact_duplicate(data: DataSet) -> Iterator[tuple[int, Problem]]:
    """
    ## What it does
    Reports a sample that was in the file before. The order of keys and white space outside of texts do not count.

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
    Deletes the later line. Safe: the first one stays.
    """
    first: dict[int, int] = {}
    remedy = Remedy("Delete this line", (Change(LineBreak(), ""),))
    for index, digest in enumerate(data.column(exact_digest)):
        before = data.lines[first.setdefault(digest, index)]
        if before != data.lines[index]:
            yield (
                index,
                Problem(
                    f"The same sample as on line {before + 1}.",
                    LineBreak(),
                    remedy,
                    elsewhere=(Elsewhere(before, "first here"),),
                ),
            )
