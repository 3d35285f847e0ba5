from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem
from lintune_server.lint.rule import file_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.data_set import DataSet


@file_rule("DS504", Severity.INFO)
def small_evaluation(data: DataSet) -> Iterator[tuple[None, Problem]]:
    """
    ## What it does
    Reports fewer than 20 samples (`enough_eval_samples` under `lintune.lint.thresholds`) in all files that the recipe
    evaluates with.

    ## Why it hurts
    One sample more or less then decides which model looks better.

    ## Example
    An `eval.jsonl` of 8 lines.

    ## Use instead
    20 samples at the least; 100 to 500 are usual.
    """
    # Of 20 answers each weighs 5 %: two models that differ by less cannot be told apart.
    enough = data.surroundings.thresholds.enough_eval_samples
    samples = sum(len(one) for one in data.evaluation)
    if data.evaluated_with and 0 < samples < enough:
        what = "1 sample" if samples == 1 else f"{samples} samples"
        message = (
            f"{what} to evaluate with: too few to tell whether one model is better than another. Take {enough} or more."
        )
        yield None, Problem(message)
