from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import file_rule
from lintune_server.rules.sample_format.facts import NULL, OTHER_LAYOUT, TYPE_NAMES, read_signature, signature

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.data_set import DataSet

_SAMPLES = 50
"""Fewer say nothing of what is usual."""
_SHARE = 0.95
"""Of the samples that have the field, or have it of one type. A field that one in ten lacks is an optional one."""


@file_rule("SF119", Severity.WARNING, signature)
def odd_field(data: DataSet) -> Iterator[tuple[int, Problem]]:
    """
    ## What it does
    Reports a sample in which a field of its file's own (a score, a source) has another type than in nearly all other
    samples, or is missing, in files of 50 samples and more.

    ## Why it hurts
    Rows that came another way than the others often differ in more than that. And readers that make a table of the
    file stop at a column of two types.

    ## Example
    ```json
    {"prompt": "Hi", "completion": "Hello!", "score": 0.9}
    {"prompt": "Bye", "completion": "Goodbye!", "score": "0.9"}
    ```

    ## Use instead
    ```json
    {"prompt": "Hi", "completion": "Hello!", "score": 0.9}
    {"prompt": "Bye", "completion": "Goodbye!", "score": 0.9}
    ```
    """
    column = data.column(signature)
    counts = Counter(column)
    counts.pop(OTHER_LAYOUT, None)
    samples = sum(counts.values())
    if samples < _SAMPLES or len(counts) == 1:
        return
    present: Counter[str] = Counter()
    typed: dict[str, Counter[str]] = {}
    for text, count in counts.items():
        for key, kind in read_signature(text).types.items():
            present[key] += count
            if kind != NULL:  # an empty cell of a column says nothing of its type
                typed.setdefault(key, Counter())[kind] += count
    usual = {key for key, count in present.items() if count >= _SHARE * samples}
    problems = {text: list(_odd(text, usual, present, typed, samples)) for text in counts}
    for index, text in enumerate(column):
        for problem in problems.get(text, ()):
            yield index, problem


def _odd(
    text: str, usual: set[str], present: Counter[str], typed: dict[str, Counter[str]], samples: int
) -> Iterator[Problem]:
    types = read_signature(text).types
    for key in sorted(usual - types.keys()):
        yield Problem(f"This sample has no {key}, and {_share(present[key], samples)} of the file's samples have one.")
    for key, kind in types.items():
        if kind == NULL:
            continue
        all_, (usual_kind, count) = typed[key].total(), typed[key].most_common(1)[0]
        if kind != usual_kind and all_ >= _SAMPLES and count >= _SHARE * all_:
            yield Problem(
                f"{key} is {TYPE_NAMES[kind]} here, and {TYPE_NAMES[usual_kind]} in {_share(count, all_)} of the "
                "samples that have it.",
                Value((key,)),
            )


def _share(count: int, of: int) -> str:
    return f"{min(100 * count / of, 99.9):.3g} %"
