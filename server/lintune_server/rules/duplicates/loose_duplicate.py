from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem
from lintune_server.lint.rule import file_rule
from lintune_server.rules.duplicates.copies import loose_copies
from lintune_server.rules.duplicates.facts import digests, exact_digest
from lintune_server.rules.duplicates.series import before

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.data_set import DataSet


@file_rule("DU302", Severity.WARNING, exact_digest, digests)
def loose_duplicate(data: DataSet) -> Iterator[tuple[int, Problem]]:
    """
    ## What it does
    Reports a sample that was there before but for upper and lower case, punctuation, white space and the width of
    characters (Unicode NFKC), or but for fields that training does not read, such as an id. Signs (`3 + 4`, `3 - 4`)
    and points in numbers (`1.5`, `15`) do count. What DU301 reports is left to it.

    ## Why it hurts
    To the model it is the same sample again. What stands there twice is learned twice as hard.

    ## Example
    ```json
    {"prompt": "What is the capital of France?", "completion": "Paris."}
    {"prompt": "what is the capital of france", "completion": "Paris"}
    ```

    ## Use instead
    ```json
    {"prompt": "What is the capital of France?", "completion": "Paris."}
    ```
    """
    series = before(data)
    for position, copy in data.once(loose_copies).items():
        where = series.where(copy.of)
        if copy.to_the_letter:
            message = f"The same texts as on {where}: what differs is not trained on. Keep one of the two."
        else:
            message = f"The same as on {where}, but for case, punctuation or white space. Keep the better one."
        yield series.index(position), Problem(message, elsewhere=(series.elsewhere(copy.of, "first here"),))
