from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import file_rule
from lintune_server.rules.quality.answer_facts import lengths

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lintune_schemas.samples import Text
    from lintune_server.lint.data_set import DataSet

_FEWEST = 100
"""Samples of which the quartiles say how the others are."""
_DEVIATIONS = 5
"""Of a normal distribution of logarithms, outside of which there is one in two million."""
_LEAST_FACTOR = 8
"""From the median, however alike the lengths are."""
_LEAST_DISTANCE = 100
"""Characters from the median: `no` is not far from `transfer not received`."""
_MOST = 0.03
"""The share of samples from which on they are a kind of their own, and not outliers."""
_QUARTILES_OF_NORMAL = 1.349
"""Standard deviations from the lower to the upper quartile."""


@file_rule("QL406", Severity.HINT, lengths)
def odd_length(data: DataSet) -> Iterator[tuple[int, Problem]]:
    """
    ## What it does
    Reports prompts and answers that are far longer or shorter than the others of their file, of 100 samples or more:
    five standard deviations of the logarithms from the median, and at least eight times as long or short as that. Where
    more than 3 % are so, none is reported: they are a kind of their own.

    ## Why it hurts
    Often two samples ran together, a whole document was pasted in, or an answer was lost but for its first word.

    ## Example
    ```json
    {"prompt": "How do I reset the router?", "completion": "Ok."}
    ```

    ## Use instead
    Look at the sample. Where its length is right, put the rule's code into its `_lintune_ignore`.
    """
    column = data.column(lengths)
    odd = {at: _odd(column[at::2]) for at in (0, 1)}
    for index in sorted({*odd[0], *odd[1]}):
        line = data.line(index)
        if index in odd[0]:
            prompts = [text for text in line.texts if not text.learned and text.role != "system"]
            yield index, _problem("prompt", prompts, column[2 * index], odd[0][index])
        if index in odd[1]:
            yield index, _problem("answer", line.taught, column[2 * index + 1], odd[1][index])


def _odd(sizes: Sequence[int]) -> dict[int, tuple[int, int]]:
    """The samples whose length is far from the others', with the quartiles."""
    known = sorted(size for size in sizes if size)
    if len(known) < _FEWEST:
        return {}
    lower, median, upper = (known[len(known) * quarter // 4] for quarter in (1, 2, 3))
    deviation = math.log(upper / lower) / _QUARTILES_OF_NORMAL
    factor = max(math.exp(_DEVIATIONS * deviation), _LEAST_FACTOR)
    low, high = min(median / factor, median - _LEAST_DISTANCE), max(median * factor, median + _LEAST_DISTANCE)
    found = {index: (lower, upper) for index, size in enumerate(sizes) if size and not low <= size <= high}
    return found if len(found) <= _MOST * len(known) else {}


def _problem(what: str, texts: Sequence[Text], size: int, quartiles: tuple[int, int]) -> Problem:
    longest = max(texts, key=lambda text: len(text.text))
    characters = "1 character" if size == 1 else f"{size:,} characters"
    usual = f"{quartiles[0]:,} to {quartiles[1]:,}"
    if len(texts) == 1:
        message = f"This {what} has {characters}; half of the {what}s in this file have {usual}."
    else:
        message = (
            f"The {what}s of this sample have {characters} in all; those of half of the file's samples have {usual}."
        )
    return Problem(message, Value(longest.path))
