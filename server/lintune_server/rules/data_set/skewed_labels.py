from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.label_set import FEWEST_USES, answer_label, closed_labels
from lintune_server.lint.problems import Problem
from lintune_server.lint.rule import file_rule
from lintune_server.lint.words import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.data_set import DataSet


@file_rule("DS503", Severity.INFO, answer_label)
def skewed_labels(data: DataSet) -> Iterator[tuple[None, Problem]]:
    """
    ## What it does
    In a file whose answers are a closed set of labels: reports a label that is the answer to more than 90 % of the
    samples (`dominant_label` under `lintune.lint.thresholds`), and labels that fewer than 5 samples have. Files that
    are only evaluated with are not looked at.

    ## Why it hurts
    A model that always gives the first one is right most of the time, and is not made to learn more. The last ones it
    sees too rarely to learn what they stand for.

    ## Example
    950 samples with the answer `ham`, 48 with `spam`, 2 with `phishing`.

    ## Use instead
    About as many samples of each label, or at least some dozens of the rarest.
    """
    if data.evaluated_with and not data.trained_on:
        return
    labels = closed_labels(data.column(answer_label))
    if labels is None:
        return
    label, count = labels.most_common(1)[0]
    if count > data.surroundings.thresholds.dominant_label * len(data):
        share = f"{100 * count / len(data):.3g} %"
        message = f"“{label}” is the answer to {share} of the samples: a model that always says so is right that often."
        yield None, Problem(message)
    rare = [f"“{label}” ({count})" for label, count in labels.items() if count < FEWEST_USES]
    if rare:
        yield None, Problem(f"Fewer than {FEWEST_USES} samples have the answer {listed(rare, 'or')}: add some more.")
