from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from lintune_schemas.samples import SampleFormat
from lintune_server.lint.findings import Severity
from lintune_server.lint.label_set import LONGEST
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import file_rule
from lintune_server.rules.duplicates.content import content_of
from lintune_server.rules.duplicates.copies import exact_copies, loose_copies
from lintune_server.rules.duplicates.facts import ANSWER, PROMPT, REJECTED, digests, exact_digest
from lintune_server.rules.duplicates.grouping import groups
from lintune_server.rules.duplicates.series import before
from lintune_server.rules.duplicates.words import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.data_set import DataSet
    from lintune_server.lint.sample import Line
    from lintune_server.rules.duplicates.series import Series

_SHOWN = 5
"""Other answers that one finding points at."""
_BY_DESIGN = 0.2
_ENOUGH = 100
"""When a fifth of a hundred samples or more answer a prompt anew, several answers are what the data set is made of."""


@file_rule("DU304", Severity.WARNING, exact_digest, digests)
def contradiction(data: DataSet) -> Iterator[tuple[int | None, Problem]]:
    """
    ## What it does
    Reports a sample that has the prompt of an earlier one and another answer. The prompt is all that is not learned:
    the system message, every turn of the user, declared tools; case and punctuation do not count. Of preference pairs
    it reports those that prefer what another one rejects. Where a fifth of a large file is so, several answers to one
    prompt are meant, and only that is said, once.

    ## Why it hurts
    The model is pulled both ways and learns neither answer. Of labels, one is wrong.

    ## Example
    ```json
    {"prompt": "Is a tomato a fruit?", "completion": "Yes."}
    {"prompt": "Is a tomato a fruit?", "completion": "No, a vegetable."}
    ```

    ## Use instead
    The one right answer; or say in the prompt what makes the difference.
    """
    series = before(data)
    found = sorted(_contradictions(data, series))
    if len(data) >= _ENOUGH and len(found) > _BY_DESIGN * len(data):
        message = (
            f"{len(found):,} of {len(data):,} samples answer a prompt that an earlier one answers otherwise. "
            "That is fine where several answers to one prompt are meant."
        )
        yield None, Problem(message, severity=Severity.INFO)
        return
    for position, others in found:
        this, other = series.line(position), series.line(others[0])
        if content_of(this).prompt == content_of(other).prompt:
            elsewhere = tuple(series.elsewhere(one, "the same prompt") for one in others)
            message = _message(this, other, series.where(others[0]))
            yield series.index(position), Problem(message, _spot(this, other), elsewhere=elsewhere)


def _contradictions(data: DataSet, series: Series) -> Iterator[tuple[int, list[int]]]:
    """Positions of samples with those of the first ones that have the same prompt and each another answer."""
    copies = data.once(exact_copies).keys() | data.once(loose_copies).keys()
    answers, rejected = series.column(digests, ANSWER), series.column(digests, REJECTED)
    for group in groups(series.column(digests, PROMPT)):
        first: dict[int, int] = {}
        pairs: dict[tuple[int, int], int] = {}
        for position in group:
            answer, refused = answers[position], rejected[position]
            if position >= series.own and position not in copies:
                if refused:
                    others = [pairs[refused, answer]] if (refused, answer) in pairs else []
                elif answer:
                    others = list(islice((one for known, one in first.items() if known != answer), _SHOWN))
                else:
                    others = []
                if others:
                    yield position, others
            if refused:
                pairs.setdefault((answer, refused), position)
            elif answer:
                first.setdefault(answer, position)


def _message(this: Line, other: Line, where: str) -> str:
    if this.format is SampleFormat.PREFERENCE:
        return f"For the same prompt, {where} prefers the answer that is rejected here. Keep the pair that is right."
    here, there = _short_answer(this), _short_answer(other)
    if here and there:
        return f"The prompt of {where} with another answer: “{here}” here, “{there}” there. Keep the right one."
    return f"The prompt of {where} with another answer. Keep the right one, or tell the prompts apart."


def _short_answer(line: Line) -> str | None:
    text = line.answers[0].text.strip() if len(line.answers) == 1 else ""
    return text if text and len(text) <= LONGEST and "\n" not in text else None


def _spot(this: Line, other: Line) -> Value:
    """The first answer that is another."""
    for mine, its in zip(this.answers, other.answers, strict=False):
        if words(mine.text) != words(its.text):
            return Value(mine.path)
    return Value()
