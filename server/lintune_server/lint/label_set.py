"""Whether the answers of a data set are a closed set of labels, as in classification."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeVar

from lintune_server.lint.data_set import fact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lintune_server.lint.sample import Line

_Label = TypeVar("_Label")

LONGEST = 40
"""Characters of a label: room for some words (`transfer_not_received_by_recipient` has 34), hardly for a sentence."""
FEWEST_SAMPLES = 20
"""Under which there is no telling whether answers repeat because there are no others."""
FEWEST_USES = 5
"""Of a label that counts as one of the set: what is rarer may be a slip."""
_COVERED = 0.95
"""The share of samples whose answer is one of those."""
_USES = 10
"""Samples for each label, on average: a quiz with the same capital asked for a few times is no classification."""
_MOST_LABELS = 200


@fact()
def answer_label(line: Line) -> str | None:
    """The one learned text of a sample, without white space around it, when it could be a label."""
    answers = line.answers
    if len(answers) != 1 or len(answers[0].text) > 2 * LONGEST:
        return None
    label = answers[0].text.strip()
    return label if label and len(label) <= LONGEST and "\n" not in label and label[0] not in "{[" else None


def closed_labels(labels: Iterable[_Label | None]) -> Counter[_Label] | None:
    """How often each label is used, when a data set's answers are a closed set of them; else None.

    labels: the column of `answer_label`, or what else stands for each answer. Rare ones, which may be slips, are among
    those that are counted.
    """
    counts: Counter[_Label | None] = Counter(labels)
    samples = counts.total()
    del counts[None]
    used = {label: count for label, count in counts.items() if label is not None}
    common = {label: count for label, count in used.items() if count >= FEWEST_USES}
    if samples < FEWEST_SAMPLES or len(common) > min(_MOST_LABELS, samples / _USES):
        return None
    return Counter(used) if sum(common.values()) >= _COVERED * samples else None
