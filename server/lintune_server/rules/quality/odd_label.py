from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson

from lintune_server.lint import json_source
from lintune_server.lint.data_set import fact
from lintune_server.lint.findings import Severity
from lintune_server.lint.label_set import FEWEST_USES, LONGEST, answer_label, closed_labels
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import file_rule
from lintune_server.lint.words import closest, listed

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Sequence

    from lintune_server.lint.data_set import DataSet
    from lintune_server.lint.sample import Line

_FEWEST = 100
"""Answers from which on it means something that a label is rare."""
_GAP = 10
"""Times that every other label is used more often: classes that grow rare by and by are no slips."""
_VARIANT = 0.1
"""The share of the usual spelling up to which another one is a slip."""
_LATE = 0.9
"""The part of the file in which nobody uses a label that is late."""
_LATE_SHARE = 0.05
_LONGEST_OBJECT = 600
"""Characters of an answer whose values are compared."""
_SPELLING = re.compile(r"[\W_]+")


@fact()
def json_answer(line: Line) -> str | None:
    """A short last answer that may be a JSON object."""
    answers = line.taught
    if not answers:
        return None
    text = answers[-1].text
    return text if text[:1] == "{" and len(text) <= _LONGEST_OBJECT else None


@file_rule("QL411", Severity.WARNING, answer_label, json_answer)
def odd_label(data: DataSet) -> Iterator[tuple[int, Problem]]:
    """
    ## What it does
    Reports a label that is none of the file's: a misspelt one (`postive`, `Positive`), one that is used hardly ever
    while all others are used ten times as often, and one that nobody uses in the first nine tenths of the file. It
    looks at files of 100 samples or more whose answers are a closed set of labels, and at the values in answers that
    are JSON.

    ## Why it hurts
    For the model it is one more class. It will be predicted, and no program knows it.

    ## Example
    ```json
    {"prompt": "I love it", "completion": "postive"}
    ```

    ## Use instead
    ```json
    {"prompt": "I love it", "completion": "positive"}
    ```
    """
    for index, message in _odd(data.column(answer_label)):
        answer = data.line(index).taught[-1]
        start = len(answer.text) - len(answer.text.lstrip())
        yield index, Problem(message, Value(answer.path, start, start + len(answer.text.strip())))
    yield from _in_json(data)


def _in_json(data: DataSet) -> Iterator[tuple[int, Problem]]:
    texts = data.column(json_answer)
    if sum(text is not None for text in texts) < _FEWEST:
        return
    columns: dict[tuple[str, ...], dict[int, str]] = {}
    for index, text in enumerate(texts):
        for path, value in _values(text):
            columns.setdefault(path, {})[index] = value
    for path, values in columns.items():
        if len(values) < _FEWEST:
            continue
        indices = list(values)
        for place, message in _odd(list(values.values())):
            answer = data.line(indices[place]).taught[-1]
            node = json_source.scan(answer.text).at(path)
            yield indices[place], Problem(message, Value(answer.path, node.start + 1, node.end - 1))


def _values(text: str | None) -> Iterator[tuple[tuple[str, ...], str]]:
    """The short texts in a JSON object and the objects right below it, with their keys."""
    try:
        value: Any = orjson.loads(text) if text is not None else None
    except orjson.JSONDecodeError:
        return
    for key, member in value.items() if isinstance(value, dict) else ():
        if isinstance(member, str):
            if member and len(member) <= LONGEST:
                yield (key,), member
        elif isinstance(member, dict):
            for name, inner in member.items():
                if isinstance(inner, str) and inner and len(inner) <= LONGEST:
                    yield (key, name), inner


def _odd(labels: Sequence[str | None]) -> Iterator[tuple[int, str]]:
    """The places of labels that are none of the set, with what is wrong with each."""
    if len(labels) < _FEWEST:
        return
    counts = closed_labels(labels)
    if counts is None:
        return
    wrong = {**_late(labels, counts), **_misspelt_or_rare(counts)}
    if wrong:
        for place, label in enumerate(labels):
            if label in wrong:
                yield place, wrong[label]


def _misspelt_or_rare(counts: Counter[str]) -> dict[str, str]:
    common = {label: count for label, count in counts.items() if count >= FEWEST_USES}
    usual: dict[str, str] = {}
    for label in sorted(common, key=common.__getitem__):
        usual[_SPELLING.sub("", label.casefold())] = label  # the one that is used most
    fewest = min(common.values(), default=0)
    numbers = all(map(_is_number, common))
    found = {}
    for label, count in counts.items():
        same = usual.get(_SPELLING.sub("", label.casefold()))
        if same is not None and same != label and _SPELLING.sub("", label):
            if count <= max(1, _VARIANT * counts[same]):
                found[label] = _meant(label, same, counts[same])
        elif label not in common and not (numbers and _is_number(label)):
            near = closest(label, common)
            if near is not None and len(label) > 2 and counts[near] >= _GAP * count:
                found[label] = _meant(label, near, counts[near])
            elif count * _GAP <= fewest:
                uses = "once" if count == 1 else f"{count} times"
                others = listed(f"“{other}”" for other in sorted(common, key=lambda other: -common[other]))
                found[label] = (
                    f"“{label}” is used {uses} in this file; its other labels are {others}. Is it one of them?"
                )
    return found


def _meant(label: str, usual: str, count: int) -> str:
    return f"“{label}” is probably “{usual}”, which {count:,} samples have."


def _late(labels: Sequence[str | None], counts: Counter[str]) -> dict[str, str]:
    """Labels that appear at the end of the file alone, while all others are used from its beginning to its end."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for place, label in enumerate(labels):
        if label is not None:
            first.setdefault(label, place)
            last[label] = place
    size = len(labels)
    late = {label for label in counts if counts[label] >= FEWEST_USES and first[label] >= _LATE * size}
    others = [label for label in counts if counts[label] >= FEWEST_USES and label not in late]
    spread = all(first[label] < size / 2 and last[label] >= _LATE * size for label in others)
    if not others or not spread:
        return {}
    return {
        label: f"“{label}” is used at the end of this file only: nobody uses it in the first {first[label]:,} samples."
        for label in late
        if counts[label] <= _LATE_SHARE * size
    }


def _is_number(label: str) -> bool:
    try:
        float(label.rstrip("%"))
    except ValueError:
        return False
    return True
