from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem
from lintune_server.lint.rule import file_rule
from lintune_server.rules.duplicates.copies import exact_copies, loose_copies
from lintune_server.rules.duplicates.facts import PROMPT, digests, exact_digest, minima
from lintune_server.rules.duplicates.near import nearest
from lintune_server.rules.duplicates.series import before

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.data_set import DataSet


@file_rule("DU303", Severity.INFO, exact_digest, digests, minima)
def near_duplicate(data: DataSet) -> Iterator[tuple[int, Problem]]:
    """
    ## What it does
    Reports a sample of which prompt and answer are nearly those of an earlier one: of all runs of three words in the
    two, 80 % or more are in both (`near_duplicate` under `lintune.lint.thresholds`). The nearest earlier sample is
    named. Samples under ten words are not compared, nor are words that a fifth of all samples share. What DU301,
    DU302 or DU304 reports is left to them.

    ## Why it hurts
    A data set looks larger than it is, and what it says over and over is learned too well. When one of the two ends
    up in the evaluation, its loss says nothing.

    ## Example
    ```json
    {"prompt": "How do I reset the password of my mail account?", "completion": "Open Settings, then Accounts, …"}
    {"prompt": "How do I reset the password of my e-mail account?", "completion": "Open Settings, then Accounts, …"}
    ```

    ## Use instead
    One of them; or two that differ in more than a few words.
    """
    series = before(data)
    copies = data.once(exact_copies).keys() | data.once(loose_copies).keys()
    # What DU304 reports has the same prompt.
    for position, near in nearest(series, copies, apart=series.column(digests, PROMPT)).items():
        where = series.where(near.position)
        message = f"Nearly the same as {where}: {near.percent} % of their runs of three words are in both."
        yield series.index(position), Problem(message, elsewhere=(series.elsewhere(near.position, "nearly the same"),))
