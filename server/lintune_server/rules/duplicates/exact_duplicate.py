from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Change, Elsewhere, LineBreak, Problem, Remedy
from lintune_server.lint.rule import file_rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lintune_server.lint.rule import Entry


@file_rule("DU301", Severity.WARNING)
def exact_duplicate(entries: Sequence[Entry]) -> Iterator[tuple[int, Problem]]:
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
    first: dict[bytes, int] = {}
    remedy = Remedy("Delete this line", (Change(LineBreak(), ""),))
    for entry in entries:
        before = first.setdefault(entry.digest, entry.line)
        if before != entry.line:
            yield (
                entry.line,
                Problem(
                    f"The same sample as on line {before + 1}.",
                    LineBreak(),
                    remedy,
                    elsewhere=(Elsewhere(before, "first here"),),
                ),
            )
