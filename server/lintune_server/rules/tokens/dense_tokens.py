from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lintune_server.lint.data_set import fact
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import file_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.data_set import DataSet
    from lintune_server.lint.sample import Line

_SAMPLES = 100
"""Below so many the file has no usual density."""
_CHARACTERS = 200
"""Shorter samples are hardly more than what the chat template writes."""
_DEVIATIONS, _TIMES = 8.5, 1.5
"""From the median, in median absolute deviations and as a factor. Of GSM8K's 7,473 problems, which are full of numbers,
none is further off than 7.2 deviations with the tokenizers of Llama 3.2, Gemma 2, Qwen 2.5 or SmolLM2, while 600
characters of base64, hashes or numbers are 10 to 22. The factor is for files whose samples are all alike."""

_RUN = re.compile(r"\S{40,}")


@fact("f")
def density(line: Line) -> float:
    """Tokens a character of the rendered text; 0 where they were not counted, or the text is short."""
    measured = line.counted
    if measured is None or len(measured.rendered.text) < _CHARACTERS:
        return 0.0
    return measured.tokens / len(measured.rendered.text)


@file_rule("TK212", Severity.INFO, density)
def dense_tokens(data: DataSet) -> Iterator[tuple[int, Problem]]:
    """
    ## What it does
    Reports a sample with by far more tokens a character than the other samples of its file, of which there have to be a
    hundred: base64, hashes, minified code, tables of numbers.

    ## Why it hurts
    Such text takes up two or three times the tokens that it seems to, and most of it cannot be learned: there is
    nothing in a hash that follows from what stands before it.

    ## Example
    ```json
    {"prompt": "What is this? iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4", "completion": "A dot."}
    ```

    ## Use instead
    ```json
    {"prompt": "What is this? dot.png, 5 by 5 pixels", "completion": "A dot."}
    ```
    """
    column = data.column(density)
    known = [one for one in column if one]
    if len(known) < _SAMPLES:
        return
    from statistics import median  # with decimal and fractions: as slow to import as all rules of tokens together

    usual = median(known)
    deviation = median(abs(one - usual) for one in known)
    limit = max(usual + _DEVIATIONS * deviation, usual * _TIMES)
    if max(known) <= limit:
        return
    for index, one in enumerate(column):
        if one > limit:
            yield (
                index,
                Problem(
                    f"{one:.2f} tokens a character, where this file's samples have {usual:.2f} as a rule. Data such as "
                    "base64, hashes or long numbers takes many tokens and teaches little: take it out, or shorten it.",
                    _longest_run(data.line(index)),
                ),
            )


def _longest_run(line: Line) -> Value:
    """The longest text without white space, if there is a long one."""
    runs = [(run.span(), path) for path, text, *_ in line.texts for run in _RUN.finditer(text)]
    if not runs:
        return Value()
    (start, stop), path = max(runs, key=lambda run: run[0][1] - run[0][0])
    return Value(path, start, stop)
