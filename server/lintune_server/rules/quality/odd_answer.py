from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from lintune_server.lint.findings import Severity
from lintune_server.lint.label_set import LONGEST, answer_label, closed_labels
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import file_rule
from lintune_server.lint.words import listed
from lintune_server.rules.quality.answer_facts import (
    NO_ANSWER,
    OBJECT,
    PROSE,
    SEEN,
    answer_shape,
    json_of,
    keys_hash,
)
from lintune_server.rules.quality.reading import shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lintune_server.lint.data_set import DataSet

_FEWEST = 50
"""Answers from which on one that is different is told from a file without a convention."""


@file_rule("QL405", Severity.WARNING, answer_shape, answer_label)
def odd_answer(data: DataSet) -> Iterator[tuple[int, Problem]]:
    """
    ## What it does
    Reports answers that are unlike the file's others where at least 95 % of 50 or more answers are alike
    (`convention` under `lintune.lint.thresholds`): JSON and one is not, JSON with the same keys and one has others,
    labels and one is a sentence, the same beginning (`Answer:`), or the same beginning of the last line (`#### 72`).

    ## Why it hurts
    Programs that read the model's answers rely on their form, and a few exceptions in the data are enough for the model
    to make some of its own.

    ## Example
    ```json
    {"prompt": "Lights on", "completion": "{\\"device\\": \\"light\\", \\"set\\": \\"on\\"}"}
    {"prompt": "Lights off", "completion": "Sure, I turned the lights off."}
    ```

    ## Use instead
    ```json
    {"prompt": "Lights on", "completion": "{\\"device\\": \\"light\\", \\"set\\": \\"on\\"}"}
    {"prompt": "Lights off", "completion": "{\\"device\\": \\"light\\", \\"set\\": \\"off\\"}"}
    ```
    """
    shapes = data.column(answer_shape)
    forms, keys, starts, lasts = (shapes[at::4] for at in range(4))
    answered = [index for index, form in enumerate(forms) if form != NO_ANSWER]
    if len(answered) < _FEWEST:
        return
    as_json = len(answered) - sum(forms[index] == PROSE for index in answered)
    if as_json >= _share(data) * len(answered):
        yield from _no_json(data, [index for index in answered if forms[index] == PROSE], as_json / len(answered))
        yield from _other_keys(data, [index for index in answered if forms[index] == OBJECT], keys)
    elif (labels := data.once(_labels)) is not None:
        yield from _no_label(data, answered, labels)
    else:
        yield from _other_start(data, answered, starts, _BEGINNING, _whole)
        several = [index for index in answered if lasts[index]]
        if len(several) >= _share(data) * len(answered):
            yield from _other_start(data, answered, lasts, _LAST_LINE, _last_line)


def _share(data: DataSet) -> float:
    """Of the answers, from which on what they share is a convention."""
    return data.surroundings.thresholds.convention


def _no_json(data: DataSet, odd: Sequence[int], share: float) -> Iterator[tuple[int, Problem]]:
    for index in odd:
        answer = next((one for one in data.line(index).taught if json_of(one.text) is None), None)
        if answer is not None:
            yield (
                index,
                Problem(
                    f"{_why_no_json(answer.text)} {_percent(share)} of this file's answers are JSON.",
                    Value(answer.path),
                ),
            )


def _why_no_json(text: str) -> str:
    text = text.strip()
    if text.startswith("```"):
        return "This answer is JSON in a code fence: take the fence away."
    if text[:1] in "{[":
        return "This answer is meant to be JSON, and is not valid." + (
            " Was it cut off?" if text[-1] not in "}]" else ""
        )
    if re.search(r"[{\[]\s*\"", text):
        return "This answer has words around its JSON: keep the JSON alone."
    return "This answer is not JSON."


def _other_keys(data: DataSet, objects: Sequence[int], keys: Sequence[int]) -> Iterator[tuple[int, Problem]]:
    if len(objects) < _FEWEST:
        return
    usual, count = Counter(keys[index] for index in objects).most_common(1)[0]
    if count < _share(data) * len(objects) or count == len(objects):
        return
    pattern = _object_of(data, next(index for index in objects if keys[index] == usual))
    for index in objects:
        if keys[index] != usual:
            answer = data.line(index).taught[-1]
            yield (
                index,
                Problem(
                    f"{_keys_apart(list(_object_of(data, index)), list(pattern))} in {_percent(count / len(objects))} "
                    "of this file's answers.",
                    Value(answer.path),
                ),
            )


def _object_of(data: DataSet, index: int) -> dict[str, Any]:
    value = json_of(data.line(index).taught[-1].text)
    assert isinstance(value, dict)
    assert keys_hash(value)
    return value


def _keys_apart(mine: list[str], usual: list[str]) -> str:
    lacking = [f"“{shortened(key)}”" for key in usual if key not in mine]
    more = [f"“{shortened(key)}”" for key in mine if key not in usual]
    if lacking and more:
        return f"The object has {listed(more)} where it has {listed(lacking)}"
    if lacking:
        return f"The object lacks {listed(lacking)}, which it has"
    return f"The object has {listed(more)}, which it does not have"


def _labels(data: DataSet) -> Counter[str] | None:
    return closed_labels(data.column(answer_label))


def _no_label(data: DataSet, answered: Sequence[int], labels: Counter[str]) -> Iterator[tuple[int, Problem]]:
    column = data.column(answer_label)
    common = [label for label, _ in labels.most_common(6)]
    for index in answered:
        if column[index] is None:
            answers = data.line(index).taught
            if len(answers) == 1 and len(answers[0].text.strip()) > LONGEST:
                known = listed(f"“{label}”" for label in common)
                yield (
                    index,
                    Problem(
                        f"Nearly all answers are one of the labels {known}; this one is not.", Value(answers[0].path)
                    ),
                )


def _whole(text: str) -> str:
    return text.strip()


def _last_line(text: str) -> str:
    text = text.strip()
    return text[text.rfind("\n") + 1 :]


_BEGINNING = "This answer does not begin with “{start}”, as {share} of this file's do."
_LAST_LINE = "The last line does not begin with “{start}”, as it does in {share} of this file's answers."
_LEAST_START = 3
_LEAST_WORDS = 12
"""Characters that nearly all answers begin with by chance no more, even without a colon or the like."""
_MARK = re.compile(r"[:#\[\]<>*=|{}()/\\]|\n")


def _other_start(
    data: DataSet, answered: Sequence[int], starts: Sequence[int], message: str, part: Callable[[str], str]
) -> Iterator[tuple[int, Problem]]:
    counts, size = Counter(map(starts.__getitem__, answered)), SEEN
    while (most := counts.most_common(1)[0])[1] < _share(data) * len(answered):
        if size == _LEAST_START:
            return
        counts, size = _shorter(counts), size - 1
    usual, count = most
    drop = 8 * (SEEN - size)
    if count == len(answered):
        return
    alike = [index for index in answered if starts[index] >> drop == usual]
    step = max(1, len(alike) // 50)
    start = _common_start([part(data.line(index).taught[-1].text) for index in alike[::step]])
    # By chance the looked-at ones may go on alike; what all share is at least what was counted.
    if not _MARK.search(start) and len(start) < _LEAST_WORDS:
        return
    start = start if _MARK.search(start) or len(start) >= _LEAST_WORDS else start[:size]
    for index in answered:
        if starts[index] >> drop != usual:
            answer = data.line(index).taught[-1]
            yield (
                index,
                Problem(
                    message.format(start=shortened(start), share=_percent(count / len(answered))),
                    Value(answer.path),
                ),
            )


def _shorter(starts: Counter[int]) -> Counter[int]:
    """The same a byte shorter."""
    found: Counter[int] = Counter()
    for start, count in starts.items():
        found[start >> 8] += count
    return found


def _common_start(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)
    size = next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    return first[:size]


def _percent(share: float) -> str:
    """Never 100 %, of what is not all."""
    return f"{min(share, 0.999):.1%}".replace(".0%", "%").replace("%", " %")
