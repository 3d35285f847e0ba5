from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.label_set import LONGEST, closed_labels
from lintune_server.lint.problems import Elsewhere, Problem, Value
from lintune_server.lint.rule import file_rule
from lintune_server.rules.duplicates.facts import ANSWER, PROMPT, digests, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.data_set import DataSet

_FEWEST = 100
"""Samples, under which a twentieth is a handful."""
_SHOWN = 5


@file_rule("DU306", Severity.INFO, digests)
def common_answer(data: DataSet) -> Iterator[tuple[int, Problem]]:
    """
    ## What it does
    Reports an answer that more than 5 % of the prompts have (`common_answer` under `lintune.lint.thresholds`), in a
    file of 100 samples or more; shown where it stands first. Not when the file is a classification set, whose answers
    are a few labels, and not when the answer is a number.

    ## Why it hurts
    The model learns to say it when it does not know better.

    ## Example
    ```json
    {"prompt": "When do you close on Sundays?", "completion": "Please ask at the front desk."}
    ```
    and the same answer to fifty other questions, of 400.

    ## Use instead
    Answers to what is asked; of the stock answer only as many as the model is to give.
    """
    if len(data) < _FEWEST:
        return
    many = data.surroundings.thresholds.common_answer * len(data)
    column = data.column(digests)
    prompts, answers = column[PROMPT :: digests.width], column[ANSWER :: digests.width]
    counts = Counter(answers)
    often = {answer for answer, count in counts.items() if answer and count > many}
    if not often or closed_labels(answer or None for answer in answers):
        return
    asked: dict[int, dict[int, int]] = {answer: {} for answer in often}
    for index, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        if answer in often and prompt:
            asked[answer].setdefault(prompt, index)
    for by_prompt in asked.values():
        if len(by_prompt) > many:
            yield from _problem(data, list(by_prompt.values()))


def _problem(data: DataSet, indices: list[int]) -> Iterator[tuple[int, Problem]]:
    line = data.line(indices[0])
    if all(word.isdecimal() for word in words_of(line).answer):
        return
    answer = line.answers[0] if line.answers else None
    shown = " ".join(answer.text.split()) if answer else ""
    quoted = f"“{shown[:LONGEST]}{'…' if len(shown) > LONGEST else ''}”" if shown else "One answer"
    share = f"{100 * len(indices) / len(data):.0f} %"
    message = (
        f"{quoted} is the answer to {len(indices):,} of {len(data):,} prompts ({share}). "
        "The model will learn to give it to others, too."
    )
    others = tuple(Elsewhere(data.lines[index], "the same answer") for index in indices[1 : _SHOWN + 1])
    yield indices[0], Problem(message, Value(answer.path) if answer else Value(), elsewhere=others)
